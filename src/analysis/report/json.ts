/** The report as JSON, and the schema that it keeps to. */
import { z } from 'zod';
import { type AnalysisReport, analysisReport } from '../metrics/schema.ts';

/** A text is no report of this version. */
export class ReportFormatError extends Error {
  override readonly name = 'ReportFormatError';
}

/**
 * A report as JSON.
 * @throws ZodError when it does not keep to the schema, which is a mistake of whoever made it
 */
export function jsonReport(report: AnalysisReport): string {
  return `${JSON.stringify(analysisReport.parse(report), null, 2)}\n`;
}

/**
 * The report in a JSON text.
 * @throws ReportFormatError with the first place that is wrong
 */
export function readJsonReport(text: string): AnalysisReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ReportFormatError('not a report: the text is no JSON');
  }
  const result = analysisReport.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.join('.') ?? '';
  throw new ReportFormatError(
    `not a report of this version: ${place === '' ? '' : `${place}: `}${issue?.message}`,
  );
}

/** The schema as JSON text (JSON Schema 2020-12), as it stands in docs/analysis.schema.json. */
export function analysisJsonSchema(): string {
  const { $schema, ...rest } = z.toJSONSchema(analysisReport, { reused: 'ref' });
  return `${JSON.stringify({ $schema, title: 'Image analysis of Stowage', ...rest }, null, 2)}\n`;
}
