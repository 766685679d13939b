-- The entries of one layer, with what follows from looking at all of them. Reads the temporary table
-- `raw` (dataset/columns.ts) and the variable `layer`, the layer's number.

-- A path may come twice. What is unpacked later replaces what was there; a whiteout is a file of its
-- own, beside what it names.
CREATE OR REPLACE TEMP TABLE repeated_paths AS
SELECT path, greatest(kind, 7) AS slot, max(entry) AS last
FROM raw
GROUP BY ALL
HAVING count(*) > 1;

-- Which regular file each link leads to: from link to link, 40 times at most (as Linux does), among
-- the paths of the layer itself. Loops end there without a file.
CREATE OR REPLACE TEMP TABLE links AS
WITH RECURSIVE
targets AS (
  SELECT path, max(entry) AS entry
  FROM raw
  WHERE kind < 8 AND path IN (SELECT leads_to FROM raw WHERE leads_to IS NOT NULL)
  GROUP BY path
),
steps AS (
  SELECT raw.path, raw.entry, raw.kind, raw.leads_to FROM raw JOIN targets USING (path, entry)
),
follow AS (
  SELECT entry AS link, leads_to, 1 AS step FROM raw WHERE leads_to IS NOT NULL
  UNION ALL
  SELECT follow.link, steps.leads_to, follow.step + 1
  FROM follow JOIN steps ON steps.path = follow.leads_to
  WHERE steps.leads_to IS NOT NULL AND follow.step < 40
)
SELECT follow.link AS entry, steps.entry AS target
FROM follow JOIN steps ON steps.path = follow.leads_to
WHERE steps.kind = 0;

-- Directories, numbered within the layer, so that files can be grouped by them without their names.
CREATE OR REPLACE TEMP TABLE folders AS
SELECT directory, row_number() OVER () AS folder
FROM (SELECT DISTINCT directory FROM raw);

-- What does not fit into 64 bits was never meant: archives may claim anything.
CREATE OR REPLACE TEMP VIEW layer_entries AS
SELECT
  getvariable('layer')::INTEGER AS layer,
  raw.entry,
  raw.path,
  raw.directory,
  folders.folder::INTEGER AS folder,
  raw.kind,
  coalesce(try_cast(raw.size AS BIGINT), 0) AS size,
  coalesce(try_cast(raw.packed_size AS BIGINT), 0) AS packed_size,
  raw.hash0,
  raw.hash1,
  raw.hash2,
  raw.hash3,
  raw.type,
  raw.mode,
  coalesce(try_cast(raw.uid AS BIGINT), 0) AS uid,
  coalesce(try_cast(raw.gid AS BIGINT), 0) AS gid,
  raw.mtime,
  raw.link,
  links.target,
  raw.kind = 0 AND raw.entry IN (
    SELECT links.target FROM links JOIN raw AS named USING (entry) WHERE named.kind = 3
  ) AS linked,
  repeated_paths.last IS NOT NULL AND repeated_paths.last <> raw.entry AS superseded
FROM raw
JOIN folders ON folders.directory = raw.directory
LEFT JOIN links ON links.entry = raw.entry
LEFT JOIN repeated_paths
  ON repeated_paths.path = raw.path AND repeated_paths.slot = greatest(raw.kind, 7);
