-- needs: entries, chosen
-- makes: files, counted_entries, elsewhere(), elsewhere_single()
-- What counts as a file in the mode `correct`.

-- Regular files as they stand in the archive. A hard link is another name of a file, not a file;
-- links and whiteouts are none either. A path that comes twice was shipped twice.
CREATE OR REPLACE TEMP VIEW files AS
SELECT entries.layer, folder, size, packed_size, type, hash0, hash1
FROM entries SEMI JOIN chosen ON chosen.layer = entries.layer
WHERE kind = 0;

-- Entries of any kind that are counted by layer.
CREATE OR REPLACE TEMP VIEW counted_entries AS
SELECT entries.layer, kind, mode
FROM entries SEMI JOIN chosen ON chosen.layer = entries.layer;

-- Whether a content occurs in another layer, image or directory than the one looked at: when the
-- first and the last one that have it differ.
CREATE OR REPLACE TEMP MACRO elsewhere(first, last) AS coalesce(first < last, FALSE);

-- The same of contents that occur once, by the first and the last image that holds their layer.
CREATE OR REPLACE TEMP MACRO elsewhere_single(first, last) AS coalesce(first < last, FALSE);
