-- needs: raw, links, $layer
-- makes: rows
-- The entries of one layer, with what follows from looking at all of them: from its table `raw`
-- (dataset/columns.ts), the table `links` (layer-links.sql), and the variable `layer`, its number.
SELECT
  getvariable('layer')::INTEGER AS layer,
  raw.entry,
  raw.path,
  raw.directory,
  -- Only to be told apart from others of the layer.
  (hash(raw.directory) >> 1)::BIGINT AS folder,
  raw.kind,
  -- What does not fit into 64 bits was never meant: archives may claim anything.
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
  coalesce(raw.kind = 0 AND raw.entry IN (SELECT target FROM links WHERE is_hard), FALSE) AS linked,
  -- A path may come twice. What is unpacked later replaces what was there; a whiteout is a file of
  -- its own, beside what it names.
  coalesce(repeated.last <> raw.entry, FALSE) AS superseded
FROM raw
LEFT JOIN links ON links.entry = raw.entry
LEFT JOIN (
  SELECT path, greatest(kind, 7) AS slot, max(entry) AS last
  FROM raw
  GROUP BY ALL
  HAVING count(*) > 1
) AS repeated ON repeated.path = raw.path AND repeated.slot = greatest(raw.kind, 7)
