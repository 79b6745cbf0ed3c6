"""python -m mnist_batches"""

import sys

from .cli import main

sys.exit(main())
