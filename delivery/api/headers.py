"""What a header of HTTP may be (RFC 9110), so that no manifest can put a second one behind a line break."""

import re

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
