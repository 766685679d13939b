-- needs: entries, chosen, $empty_type
-- makes: files, counted_entries, elsewhere(), elsewhere_single()
-- What counts as a file in the mode `paper`: as the code of Zhao et al. counted (nnzhaocs/scripts-for-alltest
-- at fdb2f89). The numbers are those of its peculiarities in docs/analysis-dataset.md.

-- Each layer was unpacked alone, and then walked, so of a path that comes twice the last one counts.
CREATE OR REPLACE TEMP VIEW files AS
SELECT
  entries.layer,
  folder,
  -- 1: files with several hard links have no size and no hash, under each of their names.
  -- 2: symbolic links that lead to a file count as files, of no size and without a hash.
  CASE WHEN kind = 0 AND NOT linked THEN size ELSE 0 END AS size,
  CASE WHEN kind = 0 AND NOT linked THEN packed_size ELSE 0 END AS packed_size,
  CASE WHEN kind >= 8 THEN getvariable('empty_type')::USMALLINT ELSE type END AS type,
  -- 3: whiteouts are empty files; these are the first halves of the SHA-256 of nothing.
  CASE
    WHEN kind = 0 AND NOT linked THEN hash0
    WHEN kind >= 8 THEN -2039914840885289964
  END AS hash0,
  CASE
    WHEN kind = 0 AND NOT linked THEN hash1
    WHEN kind >= 8 THEN -7278955230309402332
  END AS hash1
FROM entries SEMI JOIN chosen ON chosen.layer = entries.layer
WHERE NOT superseded AND (kind IN (0, 3, 8, 9) OR (kind = 2 AND target IS NOT NULL));

-- Entries of any kind that are counted by layer: those that are there after unpacking.
CREATE OR REPLACE TEMP VIEW counted_entries AS
SELECT entries.layer, kind, mode
FROM entries SEMI JOIN chosen ON chosen.layer = entries.layer
WHERE NOT superseded;

-- 5: what is there more than once at all counts as being elsewhere. Asked only of such contents.
CREATE OR REPLACE TEMP MACRO elsewhere(first, last) AS TRUE;
CREATE OR REPLACE TEMP MACRO elsewhere_single(first, last) AS FALSE;
