import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema } from '../../../src/registry/config/json-schema.ts';
import { KEYS } from '../../../src/registry/config/keys.ts';
import { configTemplate } from '../../../src/registry/config/template.ts';
import { loadText, problemsOf } from './support.ts';

const DOCS = resolve(import.meta.dirname, '../../../docs');

describe('decisions 9: the published JSON Schema', () => {
  it('is up to date (stowage config schema > docs/config.schema.json)', async () => {
    expect(await readFile(`${DOCS}/config.schema.json`, 'utf8')).toBe(configJsonSchema());
  });

  it('describes every key and allows no other', () => {
    const schema = JSON.parse(configJsonSchema());
    for (const { path, description } of KEYS) {
      let node = schema;
      for (const step of path) {
        expect(node.additionalProperties).toBe(false);
        node = node.properties[step];
      }
      expect(node.description).toBe(description);
      expect(description).not.toBe('');
    }
  });
});

describe('decisions 9: the file of config init', () => {
  it('changes nothing as it stands', async () => {
    expect(parse(configTemplate())).toBeNull();
  });

  it('is valid when the remarks are taken off, but for the one choice in it', async () => {
    const text = configTemplate()
      .split('\n')
      .filter((line) => /^# ( *- | *[a-z_]+:( |$)| *#)/.test(line))
      .map((line) => line.slice(2))
      .join('\n');
    const problems = await problemsOf(loadText(text));
    expect(problems.map(({ key }) => key)).toEqual(['auth.token.realm']);
    for (const { path } of KEYS) {
      let node = parse(text);
      for (const step of path) node = node[step];
      expect(node, path.join('.')).toBeDefined();
    }
  });
});

describe('decisions 9: docs/configuration.md', () => {
  it('has a line for every key, with its variable, default and meaning', async () => {
    const text = await readFile(`${DOCS}/configuration.md`, 'utf8');
    for (const { path, variable, defaultValue, description } of KEYS) {
      const shown = defaultValue === undefined ? '' : JSON.stringify(defaultValue);
      const value = shown.replace(/^"(.*)"$/, '$1');
      const cell = value === '' ? '' : ` \`${value}\``;
      expect(text).toContain(`| \`${path.join('.')}\` |${cell} | ${description} |`);
      expect(text).toContain(`\`${variable}\``);
    }
  });
});
