-- needs: chosen, counted_entries
-- makes: layer_kinds
-- How many entries of some kinds each layer has, also of layers that have none of them.
CREATE OR REPLACE TABLE layer_kinds AS
SELECT
  chosen.layer,
  count(*) FILTER (kind = 2) AS symlinks,
  count(*) FILTER (kind = 3) AS hard_links,
  count(*) FILTER (kind = 8) AS whiteouts,
  count(*) FILTER (kind = 9) AS opaque_whiteouts,
  -- A hard link to such a file is another name of it, and a directory gives nobody rights by it.
  count(*) FILTER (kind = 0 AND mode & 3072 <> 0) AS set_id_files
FROM chosen LEFT JOIN counted_entries ON counted_entries.layer = chosen.layer
GROUP BY chosen.layer;
