-- needs: layers
-- makes: standing
-- What counts as a layer in the mode `correct`.

-- A layer is what it unpacks to: blobs of one tar that were compressed otherwise are the same layer.
-- The smallest size that one is known to be stored with is taken: it and digests are the same through
-- every source, which ids are not.
CREATE OR REPLACE TEMP TABLE standing AS
SELECT
  layer,
  first_value(layer) OVER (
    PARTITION BY diff_id
    ORDER BY stored_size IS NULL, stored_size, coalesce(digest, id), id
  ) AS stands_for
FROM layers;
