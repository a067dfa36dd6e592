"""`python -m service_monitoring` is the command `service-monitoring`."""

import sys

from service_monitoring.cli import main

if __name__ == "__main__":
    sys.exit(main())
