-- The 20 largest files of all layers.
INSERT INTO offenders
SELECT 'file', chosen.first_image, entries.layer, path, size
FROM entries JOIN chosen ON chosen.layer = entries.layer
WHERE kind = 0 AND size > 0
ORDER BY size DESC, path, rank
LIMIT 20;
