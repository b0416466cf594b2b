/* The built-in module `_cairn`: what the pure-Python cairn.py stands on. Made only in interpreters that are recorded. */
#ifndef CAIRN_AGENT_PYTHON_MODULE_H
#define CAIRN_AGENT_PYTHON_MODULE_H

/* Puts `_cairn` among the loaded modules, and the folder of cairn.py at the end of sys.path. Needs the GIL; errors are
 * swallowed: then `import cairn` fails as it would without us. */
void cairn_python_add_module(void);

#endif
