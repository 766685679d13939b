-- Distribution of the column v of the view `sample`, without its nulls. Percentiles by nearest rank.
WITH
grouped AS (SELECT v, count(*) AS n FROM sample WHERE v IS NOT NULL GROUP BY v),
ranked AS (
  SELECT
    v,
    n,
    (sum(n) OVER (ORDER BY v))::BIGINT AS upto,
    (sum(n) OVER ())::BIGINT AS total
  FROM grouped
)
SELECT
  coalesce(sum(n), 0)::BIGINT AS count,
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
  -- The values at 200 even ranks, which of few values are all of them.
  to_json(array_agg(v::DOUBLE ORDER BY v) FILTER (upto * 200 // total > (upto - n) * 200 // total))::VARCHAR AS cdf_values,
  to_json(array_agg(upto / total ORDER BY v) FILTER (upto * 200 // total > (upto - n) * 200 // total))::VARCHAR AS cdf_shares
FROM ranked;
