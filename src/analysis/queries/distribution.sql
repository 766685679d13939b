-- needs: sample
-- makes: rows
-- Distributions of the values v of the view `sample`, one for each name, without nulls; each row stands
-- for n of them. Percentiles by nearest rank: values that occur.
WITH
grouped AS (SELECT name, v, sum(n)::BIGINT AS n FROM sample WHERE v IS NOT NULL GROUP BY name, v),
ranked AS (
  SELECT
    name,
    v,
    n,
    (sum(n) OVER (PARTITION BY name ORDER BY v))::BIGINT AS upto,
    (sum(n) OVER (PARTITION BY name))::BIGINT AS total
  FROM grouped
),
-- The values at 200 even ranks, which of few values are all of them.
marked AS (
  SELECT *, upto * 200 // total > (upto - n) * 200 // total AS is_point FROM ranked
)
SELECT
  name,
  sum(n)::BIGINT AS count,
  sum(v * n) AS sum,
  sum(v * n) / sum(n) AS mean,
  min(v) AS min,
  min(v) FILTER (upto * 100 >= total * 10) AS p10,
  min(v) FILTER (upto * 100 >= total * 25) AS p25,
  min(v) FILTER (upto * 100 >= total * 50) AS p50,
  min(v) FILTER (upto * 100 >= total * 75) AS p75,
  min(v) FILTER (upto * 100 >= total * 90) AS p90,
  min(v) FILTER (upto * 100 >= total * 95) AS p95,
  min(v) FILTER (upto * 100 >= total * 99) AS p99,
  max(v) AS max,
  to_json(array_agg([v, upto / total] ORDER BY v) FILTER (is_point))::VARCHAR AS cdf
FROM marked
GROUP BY name;
