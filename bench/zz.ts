import { createScanner } from '../src/analysis/scan/scanner.ts';
import { createGunzip, gunzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync, createReadStream } from 'node:fs';
const root='/root/.cache/stowage-corpus/short';
const all:string[]=[];
for (const r of readdirSync(root)) for (const b of readdirSync(`${root}/${r}/blobs/sha256`)) { const p=`${root}/${r}/blobs/sha256/${b}`; if (statSync(p).size>2e6 && readFileSync(p)[0]===0x1f) all.push(p); }
const files=all.slice(0,Number(process.argv[2]??4));
let plain=0; const tars=files.map(f=>gunzipSync(readFileSync(f))); for(const t of tars) plain+=t.length;
const K=1024;
async function m(name:string,w:()=>unknown){ let best=1e9; for(let i=0;i<3;i++){const c=process.cpuUsage(); await w(); const {user,system}=process.cpuUsage(c); best=Math.min(best,(user+system)/1e6);} console.log(name.padEnd(34),(plain/1e6/best).toFixed(0),'MB/cpu-s',(best/plain*1e9).toFixed(3),'ms/MB'); }
async function stream(f:string,out:number){ const g=createGunzip({chunkSize:out}); const h=createHash('sha256'); g.on('data',(d:Buffer)=>{h.update(d);}); const done=new Promise((a,b)=>{g.on('end',a);g.on('error',b)}); for await (const c of createReadStream(f,{highWaterMark:256*K})) if(!g.write(c)) await new Promise(a=>g.once('drain',a)); g.end(); await done; h.digest('hex');}
async function* src(t:Buffer){for(let i=0;i<t.length;i+=256*K) yield t.subarray(i,i+256*K);}
const s=createScanner({threads:1}); let n=0; const sig=new AbortController().signal;
await m('zlib+sha 256K',async()=>{for(const f of files)await stream(f,256*K)});
await m('zlib+sha 1M',async()=>{for(const f of files)await stream(f,1024*K)});
await m('scan gz',async()=>{n=0;for(const f of files){const r=await s.scan(createReadStream(f,{highWaterMark:256*K}),{mediaType:'',size:undefined},b=>{n+=b.count},sig); if(!process.argv[3]) continue; console.log(r)}});
await m('scan tar',async()=>{n=0;for(const f of tars)await s.scan(src(f),{mediaType:'',size:undefined},b=>{n+=b.count},sig)});
console.log(n);
await s.close();
