-- needs: complete_images, holds, layer_figures
-- makes: image_figures
-- Figures of each image: sums over its distinct layers (CIS, FIS), nothing subtracted for what higher
-- layers hide.
CREATE OR REPLACE TABLE image_figures AS
SELECT
  images.image,
  any_value(images.repository) AS repository,
  any_value(images.pulls) AS pulls,
  count(holds.layer) AS layers,
  coalesce(sum(stored_size), 0)::BIGINT AS stored_size,
  coalesce(sum(files_size), 0)::BIGINT AS files_size,
  coalesce(sum(files), 0)::BIGINT AS files,
  coalesce(sum(hashed), 0)::BIGINT AS hashed,
  coalesce(sum(directories), 0)::BIGINT AS directories
FROM complete_images AS images
LEFT JOIN holds ON holds.image = images.image
LEFT JOIN layer_figures ON layer_figures.layer = holds.layer
GROUP BY images.image;
