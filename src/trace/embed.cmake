# cmake -DTEXT=FILE -DSYMBOL=NAME -DOUTPUT=FILE.c -P embed.cmake: FILE as the C string NAME and its length NAME_size.
file(READ ${TEXT} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
file(WRITE ${OUTPUT} "#include <stddef.h>\n\nextern const char ${SYMBOL}[];\nextern const size_t ${SYMBOL}_size;\n\n"
  "const char ${SYMBOL}[] = {\n${bytes}\n0};\nconst size_t ${SYMBOL}_size = sizeof(${SYMBOL}) - 1;\n")
