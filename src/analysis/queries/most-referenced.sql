-- needs: layer_figures
-- makes: rows
-- The layers that most images hold.
SELECT id, held_by, archive_size, files
FROM layer_figures
WHERE held_by > 0
ORDER BY held_by DESC, archive_size DESC, rank
LIMIT 20;
