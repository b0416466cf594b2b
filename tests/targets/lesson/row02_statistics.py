"""Which line allocated most?"""
import moments


def build():
    return [number * 3 for number in range(100000)]  # the line


moments.take("start")
numbers = build()
moments.take("built")
