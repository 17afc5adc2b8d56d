#!/usr/bin/env python
"""Runs a management command; on the embedded database of DATA_DIR where none is configured."""

import sys

from config.manage import manage

if __name__ == "__main__":
    sys.exit(manage(sys.argv))
