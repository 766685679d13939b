-- needs: contents, typed_contents, types
-- makes: sample
-- Sizes of files whose content is known, as the view `sample` (distribution.sql): of all files, of each
-- content once, and of the files of each group of types, from the table `typed_contents` (types.sql).
-- A content stands for all of its copies, so that nothing is read or kept for each file.
CREATE OR REPLACE TEMP VIEW sample AS
SELECT 'all' AS name, size::DOUBLE AS v, copies AS n FROM contents
UNION ALL
SELECT 'distinct', size::DOUBLE, 1 FROM contents
UNION ALL
SELECT 'group ' || coalesce("group", 'other'), size::DOUBLE, copies
FROM typed_contents LEFT JOIN types USING (type);
