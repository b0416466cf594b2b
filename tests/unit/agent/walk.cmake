# The stack walk: its sources without the rest of the agent, unit tests of its parts, and check_walk.so, which holds every
# allocation's stack of a program equal to libunwind's.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(agent ${PROJECT_SOURCE_DIR}/src/agent)
set(walk_sources ${agent}/code_lookup.c ${agent}/eh_frame.c ${agent}/frame_rules.c ${agent}/nodes.c ${agent}/stack.c
  ${agent}/stack_memory.c ${agent}/unwind_fallback.c ${agent}/unwind_x86_64.c ${agent}/memory.c ${agent}/own.c ${agent}/seccomp_filter.c)

add_library(agent_walk STATIC ${walk_sources} walk_ring.c)
target_link_libraries(agent_walk PUBLIC cairn_flags cairn_wire ${CMAKE_DL_LIBS} Threads::Threads)
target_compile_options(agent_walk PRIVATE -fno-omit-frame-pointer -ftls-model=initial-exec -fno-tree-slp-vectorize)
target_include_directories(agent_walk PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
# Where stacks are compared, tails are used from the first walk on and always.
add_library(agent_tails STATIC ${agent}/stack_tails.c)
target_link_libraries(agent_tails PRIVATE cairn_flags cairn_wire)
add_library(agent_tails_always STATIC ${agent}/stack_tails.c)
target_link_libraries(agent_tails_always PRIVATE cairn_flags cairn_wire)
target_compile_definitions(agent_tails_always PRIVATE CAIRN_TAILS_ALWAYS)

add_library(check_walk MODULE check_walk.c)
target_link_libraries(check_walk PRIVATE agent_walk agent_tails_always)
target_compile_options(check_walk PRIVATE -fno-omit-frame-pointer -ftls-model=initial-exec -fno-builtin-malloc)
set_target_properties(check_walk PROPERTIES PREFIX "")

add_subdirectory(${PROJECT_SOURCE_DIR}/tests/targets/stacks ${PROJECT_BINARY_DIR}/tests/targets/stacks)
set(options_of_unusual --guesses)
set(options_of_winding --depth 128)
foreach(variant ${stacks_variants})
  set(arguments_of_plugins $<TARGET_FILE:stacks_plugin_32_${variant}> $<TARGET_FILE:stacks_plugin_200_${variant}>
    $<TARGET_FILE:stacks_plugin_1000_${variant}>)
  set(arguments_of_exceptions $<TARGET_FILE:stacks_exceptions_library_${variant}>)
  set(arguments_of_late_exceptions ${arguments_of_exceptions})
  foreach(program ${stacks_programs})
    set(test unit.agent.walk.${program}.${variant})
    add_test(NAME ${test}
      COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/check_walk.py --least 1000 ${options_of_${program}}
        $<TARGET_FILE:check_walk>
        $<TARGET_FILE:stacks_${program}_${variant}> ${arguments_of_${program}})
    set_tests_properties(${test} PROPERTIES LABELS unsanitized TIMEOUT 180)
  endforeach()
endforeach()

# The same programs under the agent itself: they do and say what they do alone.
foreach(program ${stacks_programs})
  set(arguments_of_plugins $<TARGET_FILE:stacks_plugin_32_O2> $<TARGET_FILE:stacks_plugin_1000_O2>)
  set(arguments_of_exceptions $<TARGET_FILE:stacks_exceptions_library_O2>)
  set(arguments_of_late_exceptions ${arguments_of_exceptions})
  add_test(NAME unit.agent.walk.recorded.${program}
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/same_output.py $<TARGET_FILE:ring_dump>
      $<TARGET_FILE:cairn_agent> $<TARGET_FILE:stacks_${program}_O2> ${arguments_of_${program}})
  set_tests_properties(unit.agent.walk.recorded.${program} PROPERTIES LABELS unsanitized TIMEOUT 120)
endforeach()

foreach(subject nodes frame_rules stack_memory)
  cairn_unit_test(test_${subject} agent_walk agent_tails)
endforeach()
cairn_unit_test(test_stack_tails agent_tails)
# With the reader itself under the sanitizers: its input may be damaged.
cairn_unit_test(test_eh_frame cairn_wire)
target_sources(test_eh_frame PRIVATE ${agent}/eh_frame.c ${agent}/code_lookup.c ${agent}/memory.c ${agent}/seccomp_filter.c)
# The walk reads every word of the stack, between which a sanitizer lays its own: never sanitized.
cairn_unit_test(test_stack agent_walk agent_tails_always)
set_tests_properties(unit.agent.test_stack PROPERTIES LABELS unsanitized)

# Real programs, where there are any: each allocation is captured, one in so many compared.
function(check_walk_of_program name every program)
  find_program(CAIRN_WALKED_${name} ${program})
  if(CAIRN_WALKED_${name})
    add_test(NAME unit.agent.walk.real.${name}
      COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/check_walk.py --least 100 --every ${every}
        $<TARGET_FILE:check_walk> ${CAIRN_WALKED_${name}} ${ARGN})
    set_tests_properties(unit.agent.walk.real.${name} PROPERTIES LABELS unsanitized TIMEOUT 180
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  endif()
endfunction()
check_walk_of_program(jq 3 jq "[.[].command | length] | add" ${PROJECT_BINARY_DIR}/compile_commands.json)
check_walk_of_program(sqlite3 3 sqlite3 :memory: "create table t(a, b)"
  "with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000) insert into t select x, x * x from c"
  "create index i on t(b)" "select count(*) from t where b % 7 = 1 group by a % 10")
check_walk_of_program(git 7 git log --stat -n 100)
check_walk_of_program(python3 5 /usr/bin/python3 -c "print(len(__import__('json').dumps(list(range(10000)))))")
check_walk_of_program(perl 5 perl -e "print scalar map { [1, 2, 3] } 1 .. 5000")
check_walk_of_program(compiler 40 gcc -O2 -I${PROJECT_SOURCE_DIR}/src -D_GNU_SOURCE -S -o /dev/null
  ${PROJECT_SOURCE_DIR}/src/agent/eh_frame.c)
target_link_options(test_nodes PRIVATE -Wl,--wrap=cairn_memory_unmap)
