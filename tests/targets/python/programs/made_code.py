"""compile, exec, eval and ast: code made at run time, in files of invented names."""
import ast

import moments

FUNCTION = """
def made_{n}(first, second={n}):
    total = [first] * 40
    text = "made {n} %d" % first
    return total, text, (first, second)
result = [made_{n}(number) for number in range(5)]
"""


def define(number):
    space = {}
    exec(compile(FUNCTION.format(n=number), "<made %d>" % number, "exec"), space)
    return space


moments.begin()
spaces = [define(number) for number in range(80)]
values = [eval("[%d] * 30" % number) for number in range(100)]
lambdas = [eval("lambda x: (x, %d)" % number) for number in range(100)]
moments.take("defined")
trees = [ast.parse(FUNCTION.format(n=number)) for number in range(20)]
called = [apply(number) for number, apply in enumerate(lambdas)]
dumped = [ast.dump(tree) for tree in trees]
moments.take("parsed")
