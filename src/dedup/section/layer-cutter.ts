/** Cuts layers into sections, whatever they are. */
import { createReaderKernel, createWriterKernel } from '../../codec/kernels/instances.ts';
import type { LayerFormat } from '../../codec/sniff.ts';
import type { TreeBuilder } from '../files/tree-builder.ts';
import { type SectionDraft, SectionMemory } from './draft.ts';
import { GzipCutter, type GzipCutterTools } from './gzip-cutter.ts';
import { PlainCutter } from './plain-cutter.ts';

/** What layers can be cut. */
export type CuttableFormat = Extract<LayerFormat, 'gzip' | 'tar'>;

/** Cuts one layer, as its bytes come. */
export interface LayerCutter {
  /** Hears of all files of the layer. */
  readonly tree: TreeBuilder;
  /** Bytes of the layer so far. */
  readonly size: number;
  /** Plain bytes so far. */
  readonly plainSize: number;
  /** Whether nothing of it was a tar. */
  readonly isOpaque: boolean;
  /**
   * Takes the next bytes of the layer and gives the sections that have ended.
   * @throws GzipError, DeflateError for what breaks its format; LayerRefusedError ('structure')
   */
  push(chunk: Uint8Array): Generator<SectionDraft, void>;
  /**
   * Says that no more bytes come, and gives the last sections.
   * @throws GzipError when the file ends too early
   */
  finish(): Generator<SectionDraft, void>;
}

/** Creates cutters, one after the other: the next one when the sections of the last one are free. */
export function createCutters(): (format: CuttableFormat) => LayerCutter {
  const tools: GzipCutterTools = {
    reader: createReaderKernel(),
    writer: createWriterKernel(),
    memory: new SectionMemory(),
  };
  return (format) => (format === 'gzip' ? new GzipCutter(tools) : new PlainCutter(tools.memory));
}
