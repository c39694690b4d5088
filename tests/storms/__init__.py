"""Storms: holders of one pool whose uses are cut off at any moment, and who tag all that they read and write."""
