-- needs: raw
-- makes: +links
-- Which regular file each link of a layer leads to, from its table `raw` (dataset/columns.ts) into the
-- table `links`: from link to link, 40 times at most (as Linux does), among the paths of the layer itself.
-- Loops end there without a file.
--   - A hard link (kind 3) is made while the layer is unpacked: of what stands at the path then. When
--     that is a symbolic link, it is another name of the symbolic link, and of no file.
--   - A symbolic link (kind 2) is followed when all is unpacked: to what came last.
INSERT INTO links
WITH RECURSIVE
targets AS MATERIALIZED (
  SELECT path, entry, kind
  FROM raw
  WHERE kind < 8 AND path IN (SELECT leads_to FROM raw WHERE leads_to IS NOT NULL)
),
last_targets AS (
  SELECT path, max(entry) AS entry, arg_max(kind, entry) AS kind FROM targets GROUP BY path
),
steps AS MATERIALIZED (
  SELECT raw.entry, raw.kind, targets.entry AS next_entry, targets.kind AS next_kind
  FROM raw ASOF JOIN targets ON targets.path = raw.leads_to AND targets.entry < raw.entry
  WHERE raw.kind = 3
  UNION ALL
  SELECT raw.entry, raw.kind, last_targets.entry, last_targets.kind
  FROM raw JOIN last_targets ON last_targets.path = raw.leads_to
  WHERE raw.kind <> 3
),
follow AS (
  SELECT entry AS link, kind, next_entry, next_kind, 1 AS step FROM steps
  UNION ALL
  SELECT follow.link, follow.kind, steps.next_entry, steps.next_kind, follow.step + 1
  FROM follow JOIN steps ON steps.entry = follow.next_entry
  WHERE follow.step < 40 AND (follow.kind <> 3 OR steps.kind = 3)
)
SELECT link, next_entry, kind = 3
FROM follow
WHERE next_kind = 0;
