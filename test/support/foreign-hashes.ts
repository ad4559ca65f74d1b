/** Hashes of one password, made by the programs that people move in from. */
import { PASSWORD } from './people.ts'

/** What was hashed: `PASSWORD`, if not said otherwise. */
export type ForeignVector = { hash: string; password: string }

const of = (hash: string, password = PASSWORD): ForeignVector => ({ hash, password })

/** By Django 5.2.19, passlib 1.7.4 (with bcrypt 4.0.1 and argon2-cffi 25.1), Werkzeug 3.1.9, and Firebase's own example. */
export const FOREIGN: Record<string, ForeignVector> = {
  'Django, PBKDF2': of('pbkdf2_sha256$1000000$XLNRglrejnqktyEcvtHrns$7mleAyIHAtX+fpC+UOnYMjVi0i7OEqjrYRzSjDAfwH0='),
  'Django, PBKDF2 with SHA-1': of('pbkdf2_sha1$1000000$HtfBBQcoBM3jp3S2NOpf7w$XgSNw4AT0Hw7CQG/SrPDl1VEFHk='),
  'Django, bcrypt over SHA-256': of('bcrypt_sha256$$2b$12$5oEXHSiMXj2gNn0qebwqquBw08mxLAVxWjqZ6ey9xRpj9Kn08W736'),
  'Django, bcrypt': of('bcrypt$$2b$12$WnA59dt1mVH7fiNk.RDYVevub5x3Tk5NwqxRLyRoODzRhpVsiXJLS'),
  'Django, scrypt': of(
    'scrypt$16384$RTKsXxEbVQyUqoJusYDFTN$8$5$Opb1N1WrSrHy6ODyzIyYtLR9yYzEuqZHfEUtk3flHR82wctJhkslVbCzcnyW/Z96zrsvfNKfGOEDdoZN5APXyg==',
  ),
  'passlib, bcrypt': of('$2b$08$z1JtSAB2A9esTrtl9MkVP.pfjkOgsDwPgo/eKTmG9SbtgdUlPp9a6'),
  'passlib, bcrypt as Ruby names it': of('$2a$08$FFPTNNK/xGrbVbl91X5eReiAgXka7I4w9TmUPG0pssNsp7QMVucEy'),
  'passlib, bcrypt as PHP names it': of('$2y$08$k1jQOdRngsYcv2.AOsJ2BOb71BtEKMB6p5//M4XMP9fgaXTBdzwMS'),
  'passlib, scrypt in PHC form': of(
    '$scrypt$ln=14,r=8,p=1$mrP2HoNQKqVUai1lzLl3zg$3uDxFcw/Sv+H1anDYYevAl06dlivwuAYU+X3nLvRiUM',
  ),
  'passlib, PBKDF2 with SHA-256': of(
    '$pbkdf2-sha256$29000$XYvR2rsXopTyntNaKyWE0A$LxAnBnz1kcLlEbwxvWFO9Ldy7yl/L1oEZyvmuOpddXA',
  ),
  'the same in PHC form': of(
    '$pbkdf2-sha256$i=29000,l=32$XYvR2rsXopTyntNaKyWE0A$LxAnBnz1kcLlEbwxvWFO9Ldy7yl/L1oEZyvmuOpddXA',
  ),
  'passlib, PBKDF2 with SHA-512': of(
    '$pbkdf2-sha512$25000$JkTo/f.f03ovBQCAUOq91w$FgBsViEmsyBBH2i/vsgqS/Mj8YbrsFxsZYhqfqf7mfqaup4q7NcVE//Re4MTSSL7DbOmslbYrB2q4lIIHgzBew',
  ),
  'passlib, PBKDF2 with SHA-1': of('$pbkdf2$30000$DyEEgDCGsJZSKuXcO8dYiw$I.D23q5OqJ/EAGt8d52CJ6rmgC4'),
  'Werkzeug, scrypt': of(
    'scrypt:32768:8:1$9XIkV13d9BEEGTh6$e1166bb071f53660940b70086fc1fac5c3f1b76c4928a1ad4e13afcbf6a8620394901595027d8403a8d27c17aab16fa88353b1e6eb470735181ebc57a966b9f4',
  ),
  'Werkzeug, PBKDF2': of(
    'pbkdf2:sha256:260000$qG3c9JipA0U7lTjo$b08f50946cf1e4863cfb4566082215340c481734237d1ddd8e42d436f0fc6f5c',
  ),
  Firebase: of(
    '$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
    'user1password',
  ),
}

export const ARGON2: Record<string, ForeignVector> = {
  'Django, Argon2': of(
    'argon2$argon2id$v=19$m=102400,t=2,p=8$cmFmME5GY1R2V05GVnlEeU1jR3RLTg$A3pkdsGJoeA65ecdg9meX00dKAHIcltrtrBce93IWNQ',
  ),
  'passlib, Argon2 in PHC form': of(
    '$argon2id$v=19$m=19456,t=2,p=1$AcDYOyfEmNMao/T+PwegtA$UJxmY7SKF3+FoKva+QxJU+wdn2KVbL7qsXcl0FEQg/Q',
  ),
}
