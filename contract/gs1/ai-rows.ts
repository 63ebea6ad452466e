// Every application identifier of the GS1 General Specifications (release 26, January 2026), a line each: number
// (or range), form of the value, what it is and goes with, title. `ai-table.ts` says how a line is read.

/** Whose presence an identifier needs, by name: alternatives by `|`, together by `+`, any digit by `n`. */
export const needs: Readonly<Record<string, string>> = {
  item: "01|02|03|8006|8026",
  made: "01|02|03",
  measure: "30|31nn|32nn|35nn|36nn",
  parcel: "00",
  piece: "01|03|8006",
  sold: "01|02",
};

/** What trade measures describe, by the first three digits; the fourth counts the decimals. */
export const tradeMeasures = `
310 NET WEIGHT (kg)
311 LENGTH (m)
312 WIDTH (m)
313 HEIGHT (m)
314 AREA (m²)
315 NET VOLUME (l)
316 NET VOLUME (m³)
320 NET WEIGHT (lb)
321 LENGTH (in)
322 LENGTH (ft)
323 LENGTH (yd)
324 WIDTH (in)
325 WIDTH (ft)
326 WIDTH (yd)
327 HEIGHT (in)
328 HEIGHT (ft)
329 HEIGHT (yd)
350 AREA (in²)
351 AREA (ft²)
352 AREA (yd²)
356 NET WEIGHT (tr oz)
357 NET VOLUME (oz)
360 NET VOLUME (qt (US))
361 NET VOLUME (gal.)
364 NET VOLUME (in³)
365 NET VOLUME (ft³)
366 NET VOLUME (yd³)`;

/** The same of logistic units. */
export const logisticMeasures = `
330 GROSS WEIGHT (kg)
331 LENGTH (m), log
332 WIDTH (m), log
333 HEIGHT (m), log
334 AREA (m²), log
335 VOLUME (l), log
336 VOLUME (m³), log
340 GROSS WEIGHT (lb)
341 LENGTH (in), log
342 LENGTH (ft), log
343 LENGTH (yd), log
344 WIDTH (in), log
345 WIDTH (ft), log
346 WIDTH (yd), log
347 HEIGHT (in), log
348 HEIGHT (ft), log
349 HEIGHT (yd), log
353 AREA (in²), log
354 AREA (ft²), log
355 AREA (yd²), log
362 VOLUME (qt (US)), log
363 VOLUME (gal (US)), log
367 VOLUME (in³), log
368 VOLUME (ft³), log
369 VOLUME (yd³), log`;

/** All others. */
export const aiRows = `
00 N18:check:prefix2 fixed key : SSCC
01 N14:check:prefix2 fixed key=22,10,21|235 without=255,37 : GTIN
02 N14:check:prefix2 fixed without=01,03 needs=37 : CONTENT
03 N14:check:prefix2 fixed unlinked without=01,02,37,235 : MTO GTIN
10 X1-20 needs=item : BATCH/LOT
11 N6:date0 fixed needs=item : PROD DATE
12 N6:date0 fixed needs=8020 : DUE DATE
13 N6:date0 fixed needs=item : PACK DATE
15 N6:date0 fixed needs=item : BEST BEFORE or BEST BY
16 N6:date0 fixed needs=item : SELL BY
17 N6:date0 fixed needs=item|255 : USE BY or EXPIRY
20 N2 fixed needs=item : VARIANT
21 X1-20 unlinked needs=piece without=235 : SERIAL
22 X1-20 unlinked needs=01 : CPV
235 X1-28 unlinked needs=01 : TPX
240 X1-30 needs=item : ADDITIONAL ID
241 X1-30 needs=item : CUST. PART No.
242 N1-6 needs=01|02|8006|8026 : MTO VARIANT
243 X1-20 needs=01|03 : PCN
250 X1-30 needs=01+21|03+21|8006+21 : SECONDARY SERIAL
251 X1-30 needs=piece : REF. TO SOURCE
253 N13:check:prefix1 X1-17? key : GDTI
254 X1-20 unlinked needs=414 : GLN EXTENSION COMPONENT
255 N13:check:prefix1 N1-12? key without=01,02,415,8006,8020,8026 : GCN
30 N1-8 needs=sold : VAR. COUNT
3370-3375 N6 fixed needs=01 without=337n : KG PER m²
37 N1-8 needs=00+02|00+8026 : COUNT
3900-3909 N1-15 needs=255|8020 without=390n,391n,394n,8111 : AMOUNT
3910-3919 N3:currency N1-15 needs=8020 without=391n : AMOUNT
3920-3929 N1-15 needs=01+30|01+31nn|01+32nn|01+35nn|01+36nn without=392n,393n : PRICE
3930-3939 N3:currency N1-15 needs=measure without=393n : PRICE
3940-3943 N4 needs=255 without=394n,8111 : PRCNT OFF
3950-3955 N6 needs=measure without=392n,393n,395n,8005 : PRICE/UoM
400 X1-30 : ORDER NUMBER
401 X1-30:prefix1 key : GINC
402 N17:check:prefix1 key : GSIN
403 X1-30 needs=parcel : ROUTE
410 N13:check:prefix1 fixed : SHIP TO LOC
411 N13:check:prefix1 fixed : BILL TO
412 N13:check:prefix1 fixed : PURCHASE FROM
413 N13:check:prefix1 fixed : SHIP FOR LOC
414 N13:check:prefix1 fixed key=254|7040 : LOC No.
415 N13:check:prefix1 fixed needs=8020 key=8020 : PAY TO
416 N13:check:prefix1 fixed : PROD/SERV LOC
417 N13:check:prefix1 fixed key=7040 : PARTY
420 X1-20 without=421 : SHIP TO POST
421 N3:country X1-9 without=4307 : SHIP TO POST
422 N3:country needs=item without=426 : ORIGIN
423 N3:country N3?:country N3?:country N3?:country N3?:country needs=made without=426 : COUNTRY - INITIAL PROCESS
424 N3:country needs=made without=426 : COUNTRY - PROCESS
425 N3:country N3?:country N3?:country N3?:country N3?:country needs=made without=426 : COUNTRY - DISASSEMBLY
426 N3:country needs=made : COUNTRY - FULL PROCESS
427 X1-3 needs=01+422|02+422|03+422 : ORIGIN SUBDIVISION
4300 X1-35:percent needs=parcel : SHIP TO COMP
4301 X1-35:percent needs=parcel : SHIP TO NAME
4302 X1-70:percent needs=parcel : SHIP TO ADD1
4303 X1-70:percent needs=4302 : SHIP TO ADD2
4304 X1-70:percent needs=parcel : SHIP TO SUB
4305 X1-70:percent needs=parcel : SHIP TO LOC
4306 X1-70:percent needs=parcel : SHIP TO REG
4307 X2:country2 needs=parcel : SHIP TO COUNTRY
4308 X1-30 needs=parcel : SHIP TO PHONE
4309 N10:latitude N10:longitude needs=parcel : SHIP TO GEO
4310 X1-35:percent needs=parcel : RTN TO COMP
4311 X1-35:percent needs=parcel : RTN TO NAME
4312 X1-70:percent needs=parcel : RTN TO ADD1
4313 X1-70:percent needs=4312 : RTN TO ADD2
4314 X1-70:percent needs=parcel : RTN TO SUB
4315 X1-70:percent needs=parcel : RTN TO LOC
4316 X1-70:percent needs=parcel : RTN TO REG
4317 X2:country2 needs=parcel : RTN TO COUNTRY
4318 X1-20 needs=parcel : RTN TO POST
4319 X1-30 needs=parcel : RTN TO PHONE
4320 X1-35:percent needs=parcel : SRV DESCRIPTION
4321 N1:flag needs=parcel : DANGEROUS GOODS
4322 N1:flag needs=parcel : AUTH TO LEAVE
4323 N1:flag needs=parcel : SIG REQUIRED
4324 N6:date0 N4:timeOrNone needs=parcel : NOT BEF DEL DT
4325 N6:date0 N4:timeOrNone needs=parcel : NOT AFT DEL DT
4326 N6:date needs=parcel : REL DATE
4330 N6 X1?:minus needs=parcel without=4331 : MAX TEMP F.
4331 N6 X1?:minus needs=parcel without=4330 : MAX TEMP C.
4332 N6 X1?:minus needs=parcel without=4333 : MIN TEMP F.
4333 N6 X1?:minus needs=parcel without=4332 : MIN TEMP C.
7001 N13 needs=01|02|8006|8026 : NSN
7002 X1-30 needs=sold : MEAT CUT
7003 N6:date N4:time needs=made : EXPIRY TIME
7004 N1-4 needs=01+10|03+10 : ACTIVE POTENCY
7005 X1-12 needs=sold : CATCH AREA
7006 N6:date needs=sold : FIRST FREEZE DATE
7007 N6:date N6?:date needs=sold : HARVEST DATE
7008 X1-3 needs=sold : AQUATIC SPECIES
7009 X1-10 needs=sold : FISHING GEAR TYPE
7010 X1-2 needs=made : PROD METHOD
7011 N6:date N4?:time needs=made : TEST BY DATE
7020 X1-20 needs=01+416|03+416|8006+416 : REFURB LOT
7021 X1-20 needs=piece : FUNC STAT
7022 X1-20 needs=01+7021|03+7021|8006+7021 : REV STAT
7023 X1-30:prefix1 : GIAI - ASSEMBLY
7030-7039 N3:countryOr999 X1-27 needs=sold : PROCESSOR
7040 N1 X1 X1 X1:importer unlinked : UIC+EXT
7041 X1-4 unlinked needs=parcel : UFRGT UNIT TYPE
710 X1-20 needs=01 : NHRN PZN
711 X1-20 needs=01 : NHRN CIP
712 X1-20 needs=01 : NHRN CN
713 X1-20 needs=01 : NHRN DRN
714 X1-20 needs=01 : NHRN AIM
715 X1-20 needs=01 : NHRN NDC
716 X1-20 needs=01 : NHRN AIC
717 X1-20 needs=01 : NHRN SRN
7230-7239 X2 X1-28 needs=01|8004 : CERT
7240 X1-20 needs=01|8006 without=03 : PROTOCOL
7241 N2:medium needs=8017|8018 : AIDC MEDIA TYPE
7242 X1-25 needs=8017|8018 : VCN
7250 N8:longDate needs=8018 without=7251 : DOB
7251 N8:longDate N4:time needs=8018 without=7250 : DOB TIME
7252 N1:sex needs=8018 : BIO SEX
7253 X1-40:percent needs=8017|8018 without=7256,7259 : FAMILY NAME
7254 X1-40:percent needs=8017|8018 without=7256,7259 : GIVEN NAME
7255 X1-10 needs=8017|8018 without=7256,7259 : SUFFIX
7256 X1-90:percent needs=8017|8018 : FULL NAME
7257 X1-70:percent needs=8018 : PERSON ADDR
7258 X3:birthPosition needs=8018+7259 : BIRTH SEQUENCE
7259 X1-40:percent needs=8018 without=7256 : BABY
8001 N4:nonZero N5:nonZero N3:nonZero N1:winding N1 needs=01 : DIMENSIONS
8002 X1-20 : CMT No.
8003 N1:zero N13:check:prefix1 X1-16? key : GRAI
8004 X1-30:prefix1 key=7040 : GIAI
8005 N6 needs=sold : PRICE PER UNIT
8006 N14:check:prefix2 N4:piece without=01,03,37 key=22,10,21 : ITIP
8007 X1-34:iban needs=415 : IBAN
8008 N6:date N2:hour N2?:minute N2?:second needs=made : PROD TIME
8009 X1-50 needs=00|01|03 : OPTSEN
8010 Y1-30:prefix1 key=8011 : CPID
8011 N1-12:noZeroFirst unlinked needs=8010 : CPID SERIAL
8012 X1-20 needs=piece : VERSION
8013 X1-25:checkPair:prefix1 key : GMN
8014 X1-25:checkPair:prefix1:nonDigit unlinked needs=01 : MUDI
8017 N18:check:prefix1 without=8018 key=8019 : GSRN - PROVIDER
8018 N18:check:prefix1 without=8017 key=8019 : GSRN - RECIPIENT
8019 N1-10 unlinked needs=8017|8018 : SRIN
8020 X1-25 unlinked needs=415 : REF No.
8026 N14:check:prefix2 N4:piece needs=37 without=02,03,8006 : ITIP CONTENT
8030 Z1-90 needs=00|01+21|03+21|253|255|8003|8004|8006+21|8010+8011|8017|8018 : DIGSIG
8040 N15 unlinked needs=01+21 : IMEI
8041 N15 unlinked needs=01+21+8040 : IMEI2
8042 N32 unlinked needs=01+21+8040 : ESIM
8043 N18 N1-2? unlinked needs=01+21+8040 : PSIM
8110 X1-70:coupon : COUPON CODE
8111 N4 needs=255 : POINTS
8112 X1-70:paperlessCoupon : COUPON OFFER
8200 X1-70 unlinked needs=01 : PRODUCT URL
90 X1-30 : INTERNAL
91-99 X1-90 : INTERNAL`;
