/**
 * The one script of the edge: it computes a challenge's proof in workers, shows how far it is, and brings the proof. It is a constant, the same for every site and
 * language, so that the page's policy can name it by its hash (`page-csp.ts`); words come from the page. Over plain HTTP browsers have no crypto.subtle, so
 * SHA-256 (FIPS 180-4) is its own: what comes before the nonce is one whole block, hashed once. Where workers are refused the page computes in short pieces. It starts by
 * itself three times at most within five minutes, and asks the edge whether the clearance came back before it opens anything: it never runs in circles.
 */
export const CHALLENGE_SCRIPT = `"use strict";(function(){
function solver(){
var K=new Int32Array(64),W=new Int32Array(64),S=new Int32Array(8),M=new Int32Array(8),n=0,p=2,i,j,f;
function frac(x){return((x-Math.floor(x))*4294967296)|0}
while(n<64){for(f=1,j=2;j*j<=p;j++)if(p%j===0){f=0;break}if(f){if(n<8)S[n]=frac(Math.sqrt(p));K[n++]=frac(Math.cbrt(p))}p++}
function round(H,O){var a=H[0],b=H[1],c=H[2],d=H[3],e=H[4],f=H[5],g=H[6],h=H[7],t,u,x,y,i;
for(i=16;i<64;i++){x=W[i-15];y=W[i-2];W[i]=(W[i-16]+((x>>>7|x<<25)^(x>>>18|x<<14)^x>>>3)+W[i-7]+((y>>>17|y<<15)^(y>>>19|y<<13)^y>>>10))|0}
for(i=0;i<64;i++){t=(h+((e>>>6|e<<26)^(e>>>11|e<<21)^(e>>>25|e<<7))+(e&f^~e&g)+K[i]+W[i])|0;
u=(((a>>>2|a<<30)^(a>>>13|a<<19)^(a>>>22|a<<10))+(a&b^a&c^b&c))|0;h=g;g=f;f=e;e=(d+t)|0;d=c;c=b;b=a;a=(t+u)|0}
O[0]=H[0]+a;O[1]=H[1]+b;O[2]=H[2]+c;O[3]=H[3]+d;O[4]=H[4]+e;O[5]=H[5]+f;O[6]=H[6]+g;O[7]=H[7]+h}
return function(challenge,bits,first){
var t="parapet-proof-1"+String.fromCharCode(10)+challenge,O=new Int32Array(8),c=0,i,x;
while(t.length<64)t+=String.fromCharCode(10);
for(i=0;i<16;i++)W[i]=t.charCodeAt(4*i)<<24|t.charCodeAt(4*i+1)<<16|t.charCodeAt(4*i+2)<<8|t.charCodeAt(4*i+3);
round(S,M);
function four(v){return 1633771873+((v&15)|(v>>>4&15)<<8|(v>>>8&15)<<16|(v>>>12&15)<<24)|0}
function text(v){return String.fromCharCode(v>>>24,v>>>16&255,v>>>8&255,v&255)}
return function(count){for(i=0;i<count;i++,c++){
W[0]=four(first);W[1]=four(c>>>16);W[2]=four(c);W[3]=-2147483648;for(x=4;x<15;x++)W[x]=0;W[15]=608;
round(M,O);if(O[0]>>>(32-bits)===0)return text(four(first))+text(four(c>>>16))+text(four(c))}
return ""}}}
var d=document,form=d.getElementById("way"),say=d.getElementById("say"),bar=d.getElementById("bar"),fill=d.getElementById("fill"),
again=d.getElementById("again"),help=d.getElementById("help"),more=d.getElementById("more"),words=d.getElementById("words").dataset,
token=form.elements.token.value,target=form.elements.target.value,sends=form.hasAttribute("data-sends"),
bits=+token.split(".")[2],most=Math.pow(2,bits),began=Date.now(),hashes=0,workers=[],over=false,told=0,shown=0;
function tell(t){if(say.textContent!==t)say.textContent=t}
function open(){if(location.pathname===form.getAttribute("action"))location.replace(location.origin+(target||"/"));else location.reload()}
function stop(){over=true;workers.forEach(function(w){w.terminate()});workers=[]}
function fail(t){stop();tell(t);bar.hidden=true;again.hidden=false;help.hidden=false;more.open=true}
function progress(){if(over)return;var s=(Date.now()-began)/1000,part=Math.min(99,Math.round(100*(1-Math.exp(-hashes/most))));
fill.style.width=part+"%";if(s-shown>=1||part===0){shown=s;bar.setAttribute("aria-valuenow",part)}
if(s>0.7&&told<1){told=1;tell(words.about.replace("{n}",Math.max(2,Math.ceil(most*s/hashes))))}
if(hashes>4*most&&told<2){told=2;tell(words.slow);more.open=true}
if(s>270)fail(words.late)}
function send(body){return fetch(form.getAttribute("action"),{method:"POST",credentials:"same-origin",cache:"no-store",redirect:"manual",
headers:{"Content-Type":"application/x-www-form-urlencoded",Accept:"application/json"},body:body})}
function bring(nonce){if(over)return;stop();fill.style.width="100%";bar.setAttribute("aria-valuenow",100);tell(words.bring);
send("token="+encodeURIComponent(token)+"&nonce="+nonce).then(function(a){if(a.status!==204)return fail(words.refused);
return send("check=1").then(function(b){if(b.status!==204)return fail(words.cookie);
if(sends){tell(words.sends);bar.hidden=true;again.textContent=words.resend;again.hidden=false;again.onclick=open;again.focus()}else{tell(words.done);open()}})})
.catch(function(){fail(words.network)})}
function slowly(){var step=solver()(token,bits,Math.random()*65536|0);(function piece(){if(over)return;var until=Date.now()+25,found="";
while(!found&&Date.now()<until){found=step(500);hashes+=500}
progress();if(found)bring(found);else setTimeout(piece,0)})()}
function start(){again.hidden=true;bar.hidden=false;tell(words.begin);began=Date.now();
var source="("+String(work)+")("+String(solver)+")",url,many=Math.max(1,Math.min(4,(navigator.hardwareConcurrency||2)-1)),i,heard=false,left=false;
function leave(){if(heard||left||over)return;left=true;workers.forEach(function(w){w.terminate()});workers=[];slowly()}
try{url=URL.createObjectURL(new Blob([source],{type:"text/javascript"}));
for(i=0;i<many;i++){var w=new Worker(url);w.onmessage=function(e){if(left)return;heard=true;hashes+=e.data.hashes;if(e.data.nonce)bring(e.data.nonce);else progress()};
w.onerror=leave;w.postMessage({token:token,bits:bits,first:i*4096+(Math.random()*4096|0)});workers.push(w)}
setTimeout(leave,4000)}catch(e){leave()}}
function work(solver){onmessage=function(e){var step=solver()(e.data.token,e.data.bits,e.data.first),found="",size=1000,t;
while(!found){t=Date.now();found=step(size);postMessage({nonce:found,hashes:size});if(Date.now()-t<50&&size<64000)size*=2}}}
more.open=form.hasAttribute("data-open");again.onclick=open;
var tries=[];try{tries=JSON.parse(sessionStorage.getItem("parapet")||"[]").filter(function(t){return Date.now()-t<300000}).slice(-9);
tries.push(Date.now());sessionStorage.setItem("parapet",JSON.stringify(tries))}catch(e){tries=[]}
if(navigator.cookieEnabled===false)fail(words.cookie);
else if(tries.length>3){fail(words.rest);again.onclick=function(){try{sessionStorage.removeItem("parapet")}catch(e){}over=false;again.onclick=open;start()}}
else start()})()`;
