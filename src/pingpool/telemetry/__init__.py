"""What a pool tells about itself to those who watch it: timelines, for a start."""
