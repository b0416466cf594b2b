"""What importing costs: code objects, modules, classes made at import, by the lines of importlib and the modules."""
import importlib

import moments


def load(names):
    return [importlib.import_module(name) for name in names]


moments.begin()
first = load(["decimal", "csv", "configparser", "email.message", "html.parser"])
moments.take("some")
second = load(["xml.etree.ElementTree", "unittest", "http.client", "logging.handlers", "argparse", "doctest"])
moments.take("more")
