"""Tests of lake, warehouse and editions on folders of their own."""
