-- needs: layer_figures, $measure
-- makes: rows
-- Layer sharing: how many images hold a layer, and the bytes of layers if each image kept its own
-- copies against each layer kept once. The variable `measure` says which bytes.
SELECT
  count(*) FILTER (held_by = 1) AS by_one,
  count(*) FILTER (held_by = 2) AS by_two,
  count(*) FILTER (held_by > 25) AS by_more,
  coalesce(sum(held_by * size), 0)::BIGINT AS without_sharing,
  coalesce(sum(size), 0)::BIGINT AS with_sharing
FROM (
  SELECT
    held_by,
    CASE getvariable('measure') WHEN 'compressed-size' THEN stored_size ELSE archive_size END AS size
  FROM layer_figures
  WHERE held_by > 0
);
