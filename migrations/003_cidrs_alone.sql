-- topology is the tree of CIDRs alone: nothing read what is associated now from a table.

PRAGMA user_version = 3;

DROP TABLE associations;
