-- needs: images, complete_images, holds, chosen
-- makes: rows
-- Bytes of layers (as stored, else of the archive) that only one repository holds, and of the others.
WITH
owned AS (
  SELECT DISTINCT repository, layer FROM holds JOIN complete_images USING (image)
),
owners AS (
  SELECT layer, count(DISTINCT repository) AS owners FROM holds JOIN images USING (image) GROUP BY layer
),
sizes AS (
  SELECT
    repository,
    sum(coalesce(stored_size, archive_size)) FILTER (owners = 1) AS unique_bytes,
    sum(coalesce(stored_size, archive_size)) FILTER (owners > 1) AS shared_bytes
  FROM owned JOIN owners USING (layer) JOIN chosen USING (layer)
  GROUP BY repository
)
SELECT
  repository,
  count(*) AS images,
  coalesce(any_value(unique_bytes), 0)::BIGINT AS unique_bytes,
  coalesce(any_value(shared_bytes), 0)::BIGINT AS shared_bytes
FROM complete_images LEFT JOIN sizes USING (repository)
GROUP BY repository
ORDER BY unique_bytes DESC, repository;
