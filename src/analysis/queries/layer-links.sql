-- Which regular file each link of a layer leads to, from its table `raw` (dataset/columns.ts) into the
-- table `links`: from link to link, 40 times at most (as Linux does), among the paths of the layer itself.
-- Loops end there without a file.
INSERT INTO links
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
SELECT follow.link, steps.entry, kinds.kind = 3
FROM follow JOIN steps ON steps.path = follow.leads_to
JOIN raw AS kinds ON kinds.entry = follow.link
WHERE steps.kind = 0;
