-- What counts as a layer in the mode `correct`.

-- A layer is what it unpacks to: blobs of one tar that were compressed otherwise are the same layer.
-- Where one is known to be stored compressed, its size is taken.
CREATE OR REPLACE TEMP TABLE standing AS
SELECT
  layer,
  first_value(layer) OVER (PARTITION BY diff_id ORDER BY stored_size IS NULL, id) AS stands_for
FROM layers;
