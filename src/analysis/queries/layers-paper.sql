-- needs: layers
-- makes: standing
-- What counts as a layer in the mode `paper`: as the code of Zhao et al. counted (nnzhaocs/scripts-for-alltest
-- at fdb2f89). The numbers are those of its peculiarities in docs/analysis-dataset.md.

-- 8: a layer is a blob; the same tar compressed otherwise is another layer.
CREATE OR REPLACE TEMP TABLE standing AS
SELECT
  layer,
  first_value(layer) OVER (PARTITION BY digest ORDER BY stored_size IS NULL, id) AS stands_for
FROM layers;
