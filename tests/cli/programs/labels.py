"""One object whose attributes are of every kind that has a short text."""


class Holder:
    pass


class Text(str):
    def __repr__(self):
        raise RuntimeError("asked")


holder = Holder()
holder.long = "CANARY" * 50
holder.short = "CANARY short"
holder.number = -1234567890
holder.huge = 1 << 5000
holder.ratio = 2.5
holder.raw = b"CANARY\x00"
holder.longer = b"CANARY" * 50
holder.own = Text("CANARY own")
holder.table = {"two words": [1], 7654: "CANARY seven"}
