/** What the journals of a dataset hold, one a line, and the tables that are made of them. */
import type { Platform } from '../../oci/image.ts';
import type { LayerCompression, LayerRemark } from '../scan/types.ts';
import type { Fact, SourceKind } from '../sources/types.ts';

/** A source that the dataset has images or layers of. */
export interface SourceRecord {
  readonly source: number;
  readonly kind: SourceKind;
  readonly title: string;
  /** What became known of it later: there is then another line with the same number. */
  readonly note?: string | undefined;
  /** What it cannot tell, with the reason. */
  readonly unknown: Readonly<Partial<Record<Fact, string>>>;
}

/** An image of a repository. Tags of the same image are not counted: it has the name of the first. */
export interface ImageRecord {
  readonly image: number;
  readonly source: number;
  /** What people know it by: repository and tag, else repository and digest. Others may have it too. */
  readonly name: string;
  readonly repository: string;
  readonly digest: string;
  readonly platform: Platform | null;
  /** Milliseconds since 1970. */
  readonly created: number | null;
  readonly pulls: number | null;
  readonly stars: number | null;
  /** Ids of layers, the lowest first. */
  readonly layers: readonly string[];
}

/** A layer that was read to its end. Its files are there when its line is. */
export interface LayerRecord {
  readonly layer: number;
  readonly id: string;
  readonly source: number;
  readonly digest: string;
  readonly diff_id: string;
  readonly media_type: string;
  readonly compression: LayerCompression;
  /** Bytes as stored; null when the source cannot tell how a registry would store them. */
  readonly stored_size: number | null;
  readonly archive_size: number;
  readonly entries: number;
  readonly directories: number;
  readonly max_depth: number;
  readonly mean_depth: number | null;
  readonly median_depth: number | null;
  readonly has_chunks: boolean;
  readonly remarks: readonly LayerRemark[];
}

/**
 * Images with names that no two share: what a name has in common with others is told apart by platform,
 * by source, and in the end by digest. A name that there is once stays as short as it is.
 */
const NAMED_IMAGES = `
  WITH placed AS (
    SELECT journal.*, title,
      coalesce(
        nullif(concat_ws('/', platform.os, platform.architecture, nullif(platform.variant, '')), ''),
        'no platform'
      ) AS place
    FROM journal JOIN sources USING (source)
  ),
  compared AS (
    SELECT *,
      min(source) OVER of_name <> max(source) OVER of_name AS in_sources,
      min(place) OVER of_source <> max(place) OVER of_source AS of_platforms,
      count(*) OVER (PARTITION BY name, source, place) > 1 AS of_digests
    FROM placed
    WINDOW of_name AS (PARTITION BY name), of_source AS (PARTITION BY name, source)
  ),
  told AS (
    SELECT *, concat_ws(', ', CASE WHEN of_platforms THEN place END, CASE WHEN in_sources THEN title END) AS which
    FROM compared
  )
  SELECT image, source,
    name || CASE WHEN of_digests THEN '@' || digest[:19] ELSE '' END
      || CASE WHEN which = '' THEN '' ELSE ' (' || which || ')' END AS name,
    repository, digest, platform, created, pulls, stars
  FROM told ORDER BY image`;

/** Name, columns and statement of each table that is published from a journal. */
export const TABLES: readonly { name: string; journal: string; columns: string; select: string }[] =
  [
    {
      name: 'sources',
      journal: 'sources.jsonl',
      columns: `{source: 'INTEGER', kind: 'VARCHAR', title: 'VARCHAR', note: 'VARCHAR', "unknown": 'MAP(VARCHAR, VARCHAR)'}`,
      select: `SELECT source, any_value(kind) AS kind, any_value(title) AS title, any_value("unknown") AS "unknown", max(note) AS note
      FROM journal GROUP BY source ORDER BY source`,
    },
    {
      name: 'layers',
      journal: 'layers.jsonl',
      columns: `{layer: 'INTEGER', id: 'VARCHAR', source: 'INTEGER', digest: 'VARCHAR', diff_id: 'VARCHAR', media_type: 'VARCHAR', compression: 'VARCHAR', stored_size: 'BIGINT', archive_size: 'BIGINT', entries: 'BIGINT', directories: 'BIGINT', max_depth: 'INTEGER', mean_depth: 'DOUBLE', median_depth: 'DOUBLE', has_chunks: 'BOOLEAN', remarks: 'STRUCT(code VARCHAR, message VARCHAR, count BIGINT)[]'}`,
      select: 'SELECT * FROM journal ORDER BY layer',
    },
    {
      name: 'images',
      journal: 'images.jsonl',
      columns: `{image: 'INTEGER', source: 'INTEGER', name: 'VARCHAR', repository: 'VARCHAR', digest: 'VARCHAR', platform: 'STRUCT(os VARCHAR, architecture VARCHAR, variant VARCHAR)', created: 'BIGINT', pulls: 'BIGINT', stars: 'BIGINT', layers: 'VARCHAR[]'}`,
      select: NAMED_IMAGES,
    },
    {
      name: 'image_layers',
      journal: 'images.jsonl',
      columns: `{image: 'INTEGER', layers: 'VARCHAR[]'}`,
      // A layer that could not be read has no number.
      select: `SELECT image, position::INTEGER AS position, id, layers.layer
      FROM (SELECT image, unnest(layers) AS id, generate_subscripts(layers, 1) AS position FROM journal)
      LEFT JOIN layers USING (id)
      ORDER BY image, position`,
    },
  ];
