/* Python nodes of a stack: what stands in the low half of their value. */
#ifndef CAIRN_WIRE_PYTHON_H
#define CAIRN_WIRE_PYTHON_H

/* Instead of an instruction's offset: the frame is before its first one, at the line of the definition. */
#define CAIRN_PYTHON_NOT_BEGUN 0xffffffffu

#endif
