"""Large integers, decimals, fractions, dates, random and statistics: many small objects of C types."""
import datetime
import decimal
import fractions
import random

import moments


def factorials(count):
    made, value = [], 1
    for number in range(1, count):
        value *= number
        made.append(value)
    return made


moments.begin()
large = factorials(200)
prices = [decimal.Decimal(number) / 7 for number in range(800)]
parts = [fractions.Fraction(number, 1009) for number in range(1, 600)]
moments.take("numbers")
first = datetime.datetime(2024, 1, 1)
days = [first + datetime.timedelta(hours=number) for number in range(1500)]
texts = [day.isoformat() for day in days]
draw = random.Random(7)
floats = [draw.gauss(0, 1) for _ in range(3000)]
choices = [draw.sample(range(10000), 12) for _ in range(200)]
moments.take("dates")
