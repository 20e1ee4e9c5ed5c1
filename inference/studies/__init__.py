"""From paths on a disk to a folder of results for every study."""
