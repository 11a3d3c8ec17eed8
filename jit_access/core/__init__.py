"""What every room stands on: ids, the clock, sealed secrets, transitions, request ids. Knows no business."""
