import { classify } from '../src/analysis/types/classify.ts';
import { TYPES } from '../src/analysis/types/taxonomy.ts';
import { classOfMagic } from '../src/analysis/types/magic-text.ts';
import { execFileSync } from 'node:child_process';
import { openSync, readSync, closeSync, statSync, lstatSync } from 'node:fs';
const list=execFileSync('sh',['-c',`find ${process.argv[2]??'/usr'} -xdev -type f`],{maxBuffer:1<<28}).toString().trim().split('\n');
let s=12345; const rnd=()=>{s=(Math.imul(s,1103515245)+12345)>>>0; return s/2**32};
const n=Number(process.argv[3]??4000); const pick=[...new Set(Array.from({length:n},()=>list[Math.floor(rnd()*list.length)]!))];
const out=execFileSync('file',['-b','-N','-e','elf','-f','-'],{input:pick.join('\n'),maxBuffer:1<<28}).toString().trim().split('\n');
let bad=0, refined=0; const pairs=new Map<string,{n:number,ex:string}>();
for (let i=0;i<pick.length;i++){ const p=pick[i]!; const fd=openSync(p,'r'); const b=Buffer.alloc(4096); const l=readSync(fd,b,0,4096,0); closeSync(fd); const t=TYPES[classify(p,b.subarray(0,l),statSync(p).size)]!; const m=classOfMagic(out[i]!); if(t.group!==m.group){ const plain=/text$/.test(m.name)||m.name==='json data'; if(plain&&(t.group==='source'||t.group==='scripts')){refined++;continue;} bad++; const k=`${m.group}/${m.name.slice(0,30)} vs ${t.group}/${t.type}`; const e=pairs.get(k)??{n:0,ex:p}; e.n++; pairs.set(k,e);} }
console.log(pick.length,'bad',bad,'refined',refined); for(const [k,v] of [...pairs].sort((a,b)=>b[1].n-a[1].n).slice(0,40)) console.log(v.n,k,v.ex);
