"""Run the command line: `python -m wds_imagenet` equals `wds-imagenet`."""

from wds_imagenet.cli import main

if __name__ == "__main__":  # worker processes import the main module again
    main()
