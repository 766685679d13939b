import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { analysisReport } from '../../../src/analysis/metrics/schema.ts';
import {
  analysisJsonSchema,
  jsonReport,
  ReportFormatError,
  readJsonReport,
} from '../../../src/analysis/report/json.ts';
import { emptyReport, reportWithUnknowns, tinyReport } from './edge-reports.ts';
import { sampleReport } from './sample.ts';

const SCHEMA = resolve(import.meta.dirname, '../../../docs/analysis.schema.json');

describe('the report as JSON', () => {
  it.each([
    ['a registry', sampleReport()],
    ['one image', tinyReport()],
    ['what is unknown', reportWithUnknowns()],
    ['nothing', emptyReport()],
  ])('comes back as it was: %s', (_, report) => {
    expect(readJsonReport(jsonReport(report))).toEqual(report);
  });

  it('is not written when it does not keep to the schema', () => {
    const report = tinyReport();
    report.correct.layers.count = -1;
    expect(() => jsonReport(report)).toThrow('correct');
  });

  it.each([
    ['<html>', 'no JSON'],
    ['{}', 'format'],
    ['null', 'not a report'],
    [JSON.stringify({ ...tinyReport(), format: 'stowage-analysis/9' }), 'format'],
    [JSON.stringify({ ...tinyReport(), estimate: { off: 'much' } }), 'estimate.off'],
  ])('is not read from %.20s', (text, said) => {
    expect(() => readJsonReport(text)).toThrow(ReportFormatError);
    expect(() => readJsonReport(text)).toThrow(said);
  });
});

describe('the published JSON Schema', () => {
  it('is up to date', async () => {
    expect(await readFile(SCHEMA, 'utf8')).toBe(analysisJsonSchema());
  });

  it('describes every part of a report', () => {
    const { properties, required } = JSON.parse(analysisJsonSchema());
    expect(Object.keys(properties)).toEqual(Object.keys(analysisReport.shape));
    expect(required).toEqual(Object.keys(analysisReport.shape));
  });
});
