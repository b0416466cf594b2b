"""csv, XML, HTML and mail: parsers in C that call back into Python."""
import csv
import email
import io
import xml.etree.ElementTree as tree
from html.parser import HTMLParser

import moments


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


moments.begin()
table = "id,name,note\n" + "".join("%d,name %d,\"a, note\"\n" % (row, row) for row in range(800))
rows = list(csv.reader(io.StringIO(table)))
dicts = list(csv.DictReader(io.StringIO(table)))
moments.take("tables")
page = "<all>" + "".join("<row id='%d'><name>n%d</name><text>words</text></row>" % (row, row) for row in range(500)) + "</all>"
root = tree.fromstring(page)
written = tree.tostring(root)
links = Links()
links.feed(page)
mails = [email.message_from_string("From: a%d@example.org\nTo: b\nSubject: s\n\ntext %d\n" % (mail, mail)) for mail in range(150)]
moments.take("documents")
