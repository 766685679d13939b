-- needs: image_figures
-- makes: rows
-- How unevenly pulls are spread over repositories (table image_figures): what the most pulled take, and
-- the Gini coefficient from the ranks, sum((2 rank - n - 1) pulls) / (n sum(pulls)), ranks ascending.
WITH
counted AS (SELECT repository, max(pulls) AS pulls FROM image_figures GROUP BY repository),
ranked AS (
  SELECT
    repository,
    pulls,
    row_number() OVER (ORDER BY pulls, repository DESC) AS rank,
    count(*) OVER () AS n
  FROM counted
)
SELECT
  count(*) AS repositories,
  coalesce(sum(pulls), 0)::BIGINT AS pulls,
  sum(pulls) FILTER (n - rank < ceil(n / 100)) / nullif(sum(pulls), 0) AS top_percent,
  sum(pulls) FILTER (n - rank < ceil(n / 10)) / nullif(sum(pulls), 0) AS top_ten_percent,
  sum((2 * rank - n - 1)::DOUBLE * pulls) / nullif(any_value(n) * sum(pulls), 0) AS gini,
  coalesce(
    to_json(array_agg([repository, pulls::VARCHAR] ORDER BY rank DESC) FILTER (n - rank < 20)), '[]'
  )::VARCHAR AS most_pulled
FROM ranked;
