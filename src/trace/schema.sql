-- The trace, schema version 3. docs/trace-format.md explains every table, column and unit.
-- Times: nanoseconds since the recording's start. Events: 0-based ordinals in the merged order of the recording.
-- Sizes: bytes asked for. Unknown is NULL.

CREATE TABLE recording (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  trace_id TEXT NOT NULL,              -- random UUID
  writer TEXT NOT NULL,                -- "cairn 0.1.0"
  program TEXT NOT NULL,
  args TEXT,                           -- kept with --args, as a JSON array
  host TEXT,
  pid INTEGER NOT NULL,
  started_unix_ns INTEGER NOT NULL,
  utc_offset_s INTEGER NOT NULL,
  duration_ns INTEGER NOT NULL,        -- updated with every commit
  exit_status INTEGER,
  signal INTEGER,
  stopped_why TEXT,                    -- 'exited', 'signal', 'stopped', 'disk full', …; NULL while recording
  complete INTEGER NOT NULL,           -- 1 once everything was written
  closing INTEGER NOT NULL,            -- 1: live readers must let go of the file
  events INTEGER NOT NULL,             -- events in event_chunk
  alloc_events INTEGER NOT NULL,       -- allocations, reallocs apart
  free_events INTEGER NOT NULL,
  realloc_events INTEGER NOT NULL,
  unknown_free_events INTEGER NOT NULL,
  lost_events INTEGER NOT NULL,
  allocated_bytes INTEGER NOT NULL,
  peak_t_ns INTEGER NOT NULL, peak_event INTEGER NOT NULL,
  peak_bytes INTEGER NOT NULL, peak_blocks INTEGER NOT NULL,
  end_bytes INTEGER NOT NULL, end_blocks INTEGER NOT NULL,
  rss_peak_bytes INTEGER,
  sample_bytes INTEGER NOT NULL,       -- 0: every event
  max_depth INTEGER NOT NULL,
  stalled_ns INTEGER NOT NULL,         -- time the target's threads waited for the recorder
  exact_from_ns INTEGER NOT NULL       -- single events are there from this time on (--max-size)
) STRICT;

CREATE TABLE process (
  process INTEGER PRIMARY KEY,         -- 1 is the root
  pid INTEGER NOT NULL,
  parent INTEGER REFERENCES process,
  program TEXT NOT NULL,
  args TEXT,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  exit_status INTEGER,
  signal INTEGER,
  python TEXT,                         -- interpreter version
  origin TEXT NOT NULL,                -- 'start', 'fork', 'exec', 'attach'
  peak_t_ns INTEGER NOT NULL, peak_event INTEGER NOT NULL,
  peak_bytes INTEGER NOT NULL, peak_blocks INTEGER NOT NULL,
  end_bytes INTEGER NOT NULL, end_blocks INTEGER NOT NULL  -- heap live when it ended (or at the last commit)
) STRICT;

CREATE TABLE thread (
  thread INTEGER PRIMARY KEY,
  process INTEGER NOT NULL REFERENCES process,
  tid INTEGER NOT NULL,
  name TEXT,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER
) STRICT;

CREATE TABLE note (                    -- what `info` must tell about this recording's completeness
  note INTEGER PRIMARY KEY,
  process INTEGER REFERENCES process,
  t_ns INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;

CREATE TABLE module (
  module INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  build_id TEXT,                       -- hexadecimal
  symbols TEXT                         -- 'debug', 'symtab', 'none' and why; NULL until resolved
) STRICT;

CREATE TABLE source_file (
  file INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE function (
  function INTEGER PRIMARY KEY,
  name TEXT NOT NULL,                  -- demangled
  linkage_name TEXT,                   -- as in the symbol table, where it differs
  lang INTEGER NOT NULL                -- 0 native, 1 Python
) STRICT;

CREATE TABLE frame (                   -- a place in the code: one return address, or one function inlined there
  frame INTEGER PRIMARY KEY,
  function INTEGER REFERENCES function, -- NULL: no name is known; show module+offset
  file INTEGER REFERENCES source_file,
  line INTEGER,
  module INTEGER REFERENCES module,
  offset INTEGER,                      -- of the call, in the module's own address space (as addr2line takes it)
  lang INTEGER NOT NULL,               -- 0 native, 1 Python
  kind INTEGER NOT NULL,               -- 0 frame, 1 truncated here, 2 unwinding stopped here
  inlined_into INTEGER REFERENCES frame -- the frame this function was inlined into: the next one outwards
) STRICT;

CREATE TABLE stack (                   -- a trie; the root is 0 and has no row
  stack INTEGER PRIMARY KEY,
  parent INTEGER NOT NULL,             -- < stack; 0: this is an outermost frame
  frame INTEGER NOT NULL REFERENCES frame,
  depth INTEGER NOT NULL               -- 1 for outermost
) STRICT;

CREATE TABLE account (                 -- what one thread allocated from one stack in one domain
  account INTEGER PRIMARY KEY,         -- 1, 2, 3, … without holes
  process INTEGER NOT NULL REFERENCES process,
  thread INTEGER NOT NULL REFERENCES thread,
  domain INTEGER NOT NULL,             -- 0 malloc 1 python object 2 python mem 3 pool | 4 mmap 5 brk 6 python arena
  stack INTEGER NOT NULL,
  site INTEGER REFERENCES frame,       -- the frame it is charged to by the built-in rule; NULL until resolved
  live_bytes INTEGER NOT NULL, live_blocks INTEGER NOT NULL,   -- at its process's end, or the last commit
  allocated_bytes INTEGER NOT NULL, allocations INTEGER NOT NULL, -- reallocs included
  reallocs INTEGER NOT NULL,
  temporary INTEGER NOT NULL,
  peak_bytes INTEGER NOT NULL, peak_blocks INTEGER NOT NULL,   -- live at the recording's peak
  histogram BLOB                       -- size × lifetime counts; see the format page
) STRICT;

CREATE TABLE event_chunk (
  chunk INTEGER PRIMARY KEY,           -- 0, 1, 2, …
  first_event INTEGER NOT NULL,
  events INTEGER NOT NULL,
  first_t_ns INTEGER NOT NULL, last_t_ns INTEGER NOT NULL,
  start_bytes INTEGER NOT NULL, start_blocks INTEGER NOT NULL, -- heap before its first event
  max_bytes INTEGER NOT NULL, max_event INTEGER NOT NULL,      -- largest heap after an event of this chunk
  allocations INTEGER NOT NULL, frees INTEGER NOT NULL,
  oldest_freed_event INTEGER,          -- smallest birth from an earlier chunk that one of its events names
  data BLOB                            -- NULL once dropped for --max-size
) STRICT;

CREATE TABLE chunk_delta (             -- what the chunk changed per account
  chunk INTEGER PRIMARY KEY REFERENCES event_chunk,
  data BLOB NOT NULL
) STRICT;

CREATE TABLE keyframe (                -- every account's totals before the first event of the chunk
  chunk INTEGER PRIMARY KEY REFERENCES event_chunk,
  data BLOB NOT NULL
) STRICT;

CREATE TABLE snapshot (
  snapshot INTEGER PRIMARY KEY,        -- numbers stay when others are thinned out
  t_ns INTEGER NOT NULL,
  event INTEGER NOT NULL,              -- events before this moment: the state is after event − 1
  kind TEXT NOT NULL,                  -- 'periodic', 'peak', 'mark', 'asked', 'graph', 'exit', 'end'
  name TEXT,
  process INTEGER REFERENCES process,  -- who asked, for marks
  bytes INTEGER NOT NULL, blocks INTEGER NOT NULL,
  graph INTEGER
) STRICT;

CREATE TABLE snapshot_site (           -- heap live at the snapshot, per account
  snapshot INTEGER NOT NULL REFERENCES snapshot,
  account INTEGER NOT NULL REFERENCES account,
  live_bytes INTEGER NOT NULL, live_blocks INTEGER NOT NULL,
  PRIMARY KEY (snapshot, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE timeline (                -- level 0 is the finest; each level is bounded
  level INTEGER NOT NULL,
  t_ns INTEGER NOT NULL,               -- end of the interval
  heap_bytes INTEGER NOT NULL, heap_blocks INTEGER NOT NULL,   -- at t_ns
  heap_max_bytes INTEGER NOT NULL,     -- within the interval
  mapped_bytes INTEGER NOT NULL,       -- address space by mmap and brk of the program's own
  allocations INTEGER NOT NULL, frees INTEGER NOT NULL,        -- within the interval
  rss_bytes INTEGER, rss_anonymous_bytes INTEGER, rss_file_bytes INTEGER, rss_shared_bytes INTEGER,
  PRIMARY KEY (level, t_ns)
) STRICT, WITHOUT ROWID;

CREATE TABLE residency (               -- smaps summed up, a few times a recording
  t_ns INTEGER NOT NULL,
  process INTEGER NOT NULL REFERENCES process,
  category TEXT NOT NULL,              -- 'heap', 'anonymous', 'stack', 'file', 'shared', 'other'
  name TEXT NOT NULL,                  -- the mapping's file, or ''
  rss_bytes INTEGER NOT NULL, pss_bytes INTEGER NOT NULL, swap_bytes INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  PRIMARY KEY (t_ns, process, category, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE source (                  -- the lines around sites
  file INTEGER NOT NULL REFERENCES source_file,
  line INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (file, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE graph (                   -- an object graph; its row comes last, so that one without its parts is never seen
  graph INTEGER PRIMARY KEY,           -- 1, 2, 3, …
  process INTEGER NOT NULL REFERENCES process,
  snapshot INTEGER REFERENCES snapshot,
  t_ns INTEGER NOT NULL,
  pause_ns INTEGER NOT NULL,           -- how long the program stood still for it
  name TEXT,
  objects INTEGER NOT NULL, edges INTEGER NOT NULL, roots INTEGER NOT NULL,
  types INTEGER NOT NULL, strings INTEGER NOT NULL, cycles INTEGER NOT NULL,
  accounts INTEGER NOT NULL,           -- the largest account number among its objects
  shallow_bytes INTEGER NOT NULL,      -- of all objects
  definite_objects INTEGER NOT NULL, definite_bytes INTEGER NOT NULL, -- no root and nothing else unreachable leads to it
  indirect_objects INTEGER NOT NULL, indirect_bytes INTEGER NOT NULL  -- only what is unreachable leads to it
) STRICT;

CREATE TABLE graph_type (
  graph INTEGER NOT NULL REFERENCES graph,
  type INTEGER NOT NULL,               -- 0, 1, 2, …, by retained bytes
  name TEXT NOT NULL,
  lang INTEGER NOT NULL,               -- 0 native, 1 Python
  count INTEGER NOT NULL,
  shallow_bytes INTEGER NOT NULL,
  retained_bytes INTEGER NOT NULL,     -- what would go with all objects of the type, each byte once
  PRIMARY KEY (graph, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE graph_root (              -- what keeps an object alive from outside
  graph INTEGER NOT NULL REFERENCES graph,
  root INTEGER NOT NULL,               -- 0, 1, 2, …
  object INTEGER NOT NULL,
  kind TEXT NOT NULL,                  -- 'module', 'frame', 'data', 'stack', 'register', 'tls', 'interpreter', …
  name TEXT NOT NULL,
  PRIMARY KEY (graph, root)
) STRICT, WITHOUT ROWID;

CREATE TABLE graph_account (           -- which types and leaks come from which account
  graph INTEGER NOT NULL REFERENCES graph,
  account INTEGER NOT NULL REFERENCES account,
  type INTEGER NOT NULL,
  class INTEGER NOT NULL,              -- 0 reachable, 1 definite leak, 2 indirect leak
  objects INTEGER NOT NULL,
  blocks INTEGER NOT NULL, bytes INTEGER NOT NULL, -- of the recorded blocks, each once
  oldest_event INTEGER,                -- that made the oldest of them
  PRIMARY KEY (graph, account, type, class)
) STRICT, WITHOUT ROWID;

CREATE TABLE graph_object (            -- 1,024 objects a row, in order of their address
  graph INTEGER NOT NULL REFERENCES graph,
  chunk INTEGER NOT NULL,              -- object / 1024
  first_address INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (graph, chunk)
) STRICT;

CREATE TABLE graph_links (             -- lists of objects, 1,024 lists a row
  graph INTEGER NOT NULL REFERENCES graph,
  kind INTEGER NOT NULL,               -- 0 referents 1 referrers 2 dominated 3 of a type 4 of a cycle 5 of an account 6 leaks
  chunk INTEGER NOT NULL,              -- list / 1024
  data BLOB NOT NULL,
  PRIMARY KEY (graph, kind, chunk)
) STRICT;

CREATE TABLE graph_part (              -- what of a list is behind its first 256 links, 4,096 a row
  graph INTEGER NOT NULL REFERENCES graph,
  kind INTEGER NOT NULL,
  list INTEGER NOT NULL,
  part INTEGER NOT NULL,               -- 0, 1, 2, …
  data BLOB NOT NULL,
  PRIMARY KEY (graph, kind, list, part)
) STRICT;

CREATE TABLE graph_string (            -- labels of objects and names of edges, 512 a row
  graph INTEGER NOT NULL REFERENCES graph,
  chunk INTEGER NOT NULL,              -- string / 512
  data BLOB NOT NULL,
  PRIMARY KEY (graph, chunk)
) STRICT;

CREATE TABLE graph_identity (          -- who is who in another graph: serial numbers by type
  graph INTEGER NOT NULL REFERENCES graph,
  chunk INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (graph, chunk)
) STRICT;

-- Views for people. They name no virtual table and need no extension.

CREATE VIEW frame_text AS
  SELECT f.frame, coalesce(fn.name, m.path || '+' || printf('0x%x', f.offset), '??') AS function,
         fn.function AS function_id, sf.path AS file, f.line, m.path AS module,
         CASE f.lang WHEN 1 THEN 'python' ELSE 'native' END AS lang, f.inlined_into
  FROM frame f LEFT JOIN function fn USING (function) LEFT JOIN source_file sf ON sf.file = f.file
  LEFT JOIN module m ON m.module = f.module;

CREATE VIEW stack_text AS              -- innermost first, ' < ' between frames
  SELECT s.stack, (
    WITH RECURSIVE up(next, n, text) AS (
      SELECT s.parent, 1, ft.function
      UNION ALL
      SELECT p.parent, n + 1, up.text || ' < ' || f.function
      FROM up JOIN stack p ON p.stack = up.next JOIN frame_text f ON f.frame = p.frame WHERE n < 64)
    SELECT text FROM up WHERE next = 0 OR n = 64) AS text
  FROM stack s JOIN frame_text ft USING (frame);

CREATE VIEW top_at_snapshot AS
  SELECT ss.snapshot, ft.function, ft.file, ft.line, ft.module,
         sum(ss.live_bytes) AS live_bytes, sum(ss.live_blocks) AS live_blocks
  FROM snapshot_site ss JOIN account a USING (account) LEFT JOIN frame_text ft ON ft.frame = a.site
  WHERE a.domain <= 3
  GROUP BY ss.snapshot, ft.function, ft.file, ft.line, ft.module;

CREATE VIEW top_at_peak AS
  SELECT ft.function, ft.file, ft.line, ft.module, sum(a.peak_bytes) AS peak_bytes,
         sum(a.peak_blocks) AS peak_blocks, sum(a.allocated_bytes) AS allocated_bytes,
         sum(a.allocations) AS allocations, sum(a.temporary) AS temporary
  FROM account a LEFT JOIN frame_text ft ON ft.frame = a.site
  WHERE a.domain <= 3
  GROUP BY ft.function, ft.file, ft.line, ft.module;

CREATE VIEW graph_types AS
  SELECT t.graph, t.name AS type, CASE t.lang WHEN 1 THEN 'python' ELSE 'native' END AS lang,
         t.count, t.shallow_bytes, t.retained_bytes
  FROM graph_type t JOIN graph g USING (graph);

CREATE VIEW graph_sites AS             -- where the objects of a type were allocated, and which of them leak
  SELECT ga.graph, t.name AS type, CASE ga.class WHEN 0 THEN 'reachable' WHEN 1 THEN 'definite' ELSE 'indirect' END AS class,
         ft.function, ft.file, ft.line, ft.module, ga.account, ga.objects, ga.blocks, ga.bytes
  FROM graph_account ga JOIN graph_type t USING (graph, type) JOIN account a USING (account)
  LEFT JOIN frame_text ft ON ft.frame = a.site;
