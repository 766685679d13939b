-- needs: entries, contents
-- makes: most_copied, most_copied_paths, rows
-- The contents with most copies, and those whose copies take most bytes, with one of their paths.
CREATE OR REPLACE TEMP TABLE most_copied AS
(SELECT hash0, hash1, size, copies, 'copies' AS ranked_by FROM contents ORDER BY copies DESC, size DESC, hash0, hash1 LIMIT 20)
UNION ALL
(SELECT hash0, hash1, size, copies, 'bytes' AS ranked_by FROM contents ORDER BY copies * size DESC, copies DESC, hash0, hash1 LIMIT 20);

CREATE OR REPLACE TEMP TABLE most_copied_paths AS
SELECT hash0, hash1, min(hash2) AS hash2, min(hash3) AS hash3, min(path) AS path
FROM entries SEMI JOIN most_copied USING (hash0, hash1)
WHERE kind = 0
GROUP BY hash0, hash1;

SELECT
  ranked_by,
  hash0::VARCHAR AS hash0,
  hash1::VARCHAR AS hash1,
  -- No file has it: then it is that of whiteouts (mode paper), the SHA-256 of nothing.
  coalesce(hash2, 2859295262623109964)::VARCHAR AS hash2,
  coalesce(hash3, -6587190536697628587)::VARCHAR AS hash3,
  size,
  copies,
  coalesce(path, '') AS path
FROM most_copied LEFT JOIN most_copied_paths USING (hash0, hash1)
ORDER BY ranked_by, CASE ranked_by WHEN 'copies' THEN copies ELSE copies * size END DESC,
  CASE ranked_by WHEN 'copies' THEN size ELSE copies END DESC, most_copied.hash0, most_copied.hash1;
