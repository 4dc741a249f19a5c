//! What each form of `COPY` puts where.

use super::rig::{context, image, listed, must_copy, of};
use crate::bench::Bench;

/// The folder `dir` at `/n`.
const DIR: &[&str] = &[
    "n/ 755 0:0",
    "n/one 600 0:0 =1",
    "n/sub/ 711 0:0",
    "n/sub/three.txt 644 0:0 =3",
    "n/sub/up -> ../one 0:0",
    "n/two.txt 4755 0:0 =2",
];

/// What stands behind each instruction, apart from `/data`, which is 700 7:8 wherever it appears.
const TABLE: &[(&str, &[&str])] = &[
    // A file: at a name, in a folder that is there, in one that is not.
    ("COPY a /x", &["x 644 0:0 =A"]),
    ("COPY a /tmp", &["tmp/ 1777 0:0", "tmp/a 644 0:0 =A"]),
    ("COPY a /tmp/", &["tmp/ 1777 0:0", "tmp/a 644 0:0 =A"]),
    ("COPY a /n/m/", &["n/ 755 0:0", "n/m/ 755 0:0", "n/m/a 644 0:0 =A"]),
    ("COPY a /n/m/x", &["n/ 755 0:0", "n/m/ 755 0:0", "n/m/x 644 0:0 =A"]),
    ("COPY /a /x", &["x 644 0:0 =A"]),
    ("COPY ./a /x", &["x 644 0:0 =A"]),
    ("COPY ../../a /x", &["x 644 0:0 =A"]),
    ("COPY run.sh b.txt /n/", &["n/ 755 0:0", "n/b.txt 640 0:0 =B", "n/run.sh 755 0:0 =#!"]),
    // Targets below the working directory.
    ("COPY a .", &["data/", "data/a 644 0:0 =A"]),
    ("COPY a ./", &["data/", "data/a 644 0:0 =A"]),
    ("COPY a x", &["data/", "data/x 644 0:0 =A"]),
    ("COPY a n/", &["data/", "data/n/ 755 0:0", "data/n/a 644 0:0 =A"]),
    ("COPY a ../x", &["x 644 0:0 =A"]),
    ("COPY a ..", &["a 644 0:0 =A"]),
    ("COPY --cwd=/w/v a .", &["w/ 755 0:0", "w/v/ 755 0:0", "w/v/a 644 0:0 =A"]),
    ("COPY --cwd= a x", &["x 644 0:0 =A"]),
    // A folder: what is in it.
    ("COPY dir /n", DIR),
    ("COPY dir/ /n/", DIR),
    ("COPY dir/sub .", &["data/", "data/three.txt 644 0:0 =3", "data/up -> ../one 0:0"]),
    ("COPY empty /n", &["n/ 755 0:0"]),
    ("COPY empty dir/sub /n/", &["n/ 755 0:0", "n/three.txt 644 0:0 =3", "n/up -> ../one 0:0"]),
    // Over what is there.
    ("COPY a /data/a", &["data/", "data/a 644 0:0 =A"]),
    ("COPY a /file", &["file 644 0:0 =A"]),
    ("COPY dir/sub/three.txt a /data/", &["data/", "data/a 644 0:0 =A", "data/three.txt 644 0:0 =3"]),
    // Links in the target are followed inside; the last one only when it leads to a folder or file.
    ("COPY a /lib/", &["usr/", "usr/lib/", "usr/lib/a 644 0:0 =A"]),
    ("COPY a /lib/x", &["usr/", "usr/lib/", "usr/lib/x 644 0:0 =A"]),
    ("COPY a /todata", &["data/", "data/a 644 0:0 =A"]),
    ("COPY a /up/x", &["data/", "data/x 644 0:0 =A"]),
    ("COPY a /dangling", &["new/ 755 0:0", "new/place 644 0:0 =A"]),
    ("COPY a /dangling/", &["new/ 755 0:0", "new/place/ 755 0:0", "new/place/a 644 0:0 =A"]),
    ("COPY a /tofile", &["file 644 0:0 =A"]),
    (
        "COPY dir/sub /todata/old",
        &["data/", "data/old/", "data/old/three.txt 644 0:0 =3", "data/old/up -> ../one 0:0"],
    ),
    // Links among the sources: what is named is followed, what is in a folder is not.
    ("COPY link /x", &["x 600 0:0 =1"]),
    ("COPY link /n/", &["n/ 755 0:0", "n/link 600 0:0 =1"]),
    ("COPY absolute /x", &["x 600 0:0 =1"]),
    ("COPY linkdir/sub /n", &["n/ 755 0:0", "n/three.txt 644 0:0 =3", "n/up -> ../one 0:0"]),
    ("COPY linkdir/one /x", &["x 600 0:0 =1"]),
    // Patterns.
    (
        "COPY *.txt /n/",
        &["n/ 755 0:0", "n/arr[0].txt 644 0:0 =R", "n/b.txt 640 0:0 =B", "n/c.txt 644 0:0 =C"],
    ),
    ("COPY ?.txt /n/", &["n/ 755 0:0", "n/b.txt 640 0:0 =B", "n/c.txt 644 0:0 =C"]),
    (
        "COPY [a-b]* /n/",
        &[
            "n/ 755 0:0",
            "n/a 644 0:0 =A",
            "n/absolute 600 0:0 =1",
            "n/arr[0].txt 644 0:0 =R",
            "n/b.txt 640 0:0 =B",
            "n/main.c 644 0:0 =M",
            "n/src/ 755 0:0",
            "n/src/x.c 644 0:0 =X",
            "n/src/x.h 644 0:0 =Y",
        ],
    ),
    ("COPY arr[[]0].txt /x", &["x 644 0:0 =R"]),
    ("COPY d*r/one /x", &["x 600 0:0 =1"]),
    ("COPY */one /x", &["x 600 0:0 =1"]),
    ("COPY app/src/x.[!h] /x", &["x 644 0:0 =X"]),
    ("COPY .h* /x", &["x 600 0:0 =H"]),
    ("COPY nothing* a /n/", &["n/ 755 0:0", "n/a 644 0:0 =A"]),
    ("COPY nothing* /n/", &[]),
    // Owners and modes.
    ("COPY --chown=12 a /x", &["x 644 12:12 =A"]),
    ("COPY --chown=12:34 a /n/x", &["n/ 755 12:34", "n/x 644 12:34 =A"]),
    ("COPY --chown=web a /tmp/", &["tmp/ 1777 0:0", "tmp/a 644 33:34 =A"]),
    (
        "COPY --chown=web:log dir/sub /n",
        &["n/ 755 33:40", "n/three.txt 644 33:40 =3", "n/up -> ../one 33:40"],
    ),
    ("COPY --chmod=600 run.sh /x", &["x 600 0:0 =#!"]),
    (
        "COPY --chmod=u=rwX,go=rX dir /n",
        &[
            "n/ 755 0:0",
            "n/one 644 0:0 =1",
            "n/sub/ 755 0:0",
            "n/sub/three.txt 644 0:0 =3",
            "n/sub/up -> ../one 0:0",
            "n/two.txt 755 0:0 =2",
        ],
    ),
    ("COPY --chmod=711 dir/sub /n", &["n/ 755 0:0", "n/three.txt 711 0:0 =3", "n/up -> ../one 0:0"]),
    // Here-documents.
    ("COPY <<f.txt /n/", &["n/ 755 0:0", "n/f.txt 644 0:0 =text"]),
    ("COPY <<f.txt /x", &["x 644 0:0 =text"]),
    ("COPY --chown=1:2 --chmod=755 <<f a /n/", &["n/ 755 1:2", "n/a 755 1:2 =A", "n/f 755 1:2 =text"]),
    // Leaving out.
    (
        "COPY --exclude=*.txt dir /n",
        &[
            "n/ 755 0:0",
            "n/one 600 0:0 =1",
            "n/sub/ 711 0:0",
            "n/sub/three.txt 644 0:0 =3",
            "n/sub/up -> ../one 0:0",
        ],
    ),
    (
        "COPY --exclude=**/*.txt --exclude=sub/up dir /n",
        &["n/ 755 0:0", "n/one 600 0:0 =1", "n/sub/ 711 0:0"],
    ),
    ("COPY --exclude=sub dir /n", &["n/ 755 0:0", "n/one 600 0:0 =1", "n/two.txt 4755 0:0 =2"]),
    (
        "COPY --exclude=sub --exclude=!sub/three.txt --exclude=one dir /n",
        &["n/ 755 0:0", "n/sub/ 711 0:0", "n/sub/three.txt 644 0:0 =3", "n/two.txt 4755 0:0 =2"],
    ),
    ("COPY --exclude=b* --exclude=a* *.txt /n/", &["n/ 755 0:0", "n/c.txt 644 0:0 =C"]),
    // With the folders of their names.
    (
        "COPY --parents app/src/x.c /n/",
        &["n/ 755 0:0", "n/app/ 755 0:0", "n/app/src/ 755 0:0", "n/app/src/x.c 644 0:0 =X"],
    ),
    (
        "COPY --parents dir/sub/three.txt a /n/",
        &[
            "n/ 755 0:0",
            "n/a 644 0:0 =A",
            "n/dir/ 750 0:0",
            "n/dir/sub/ 711 0:0",
            "n/dir/sub/three.txt 644 0:0 =3",
        ],
    ),
    ("COPY --parents app/./src/*.c /n/", &["n/ 755 0:0", "n/src/ 755 0:0", "n/src/x.c 644 0:0 =X"]),
    (
        "COPY --parents app/**/*.c /n/",
        &[
            "n/ 755 0:0",
            "n/app/ 755 0:0",
            "n/app/main.c 644 0:0 =M",
            "n/app/src/ 755 0:0",
            "n/app/src/x.c 644 0:0 =X",
        ],
    ),
    (
        "COPY --parents ./app/./src /n",
        &["n/ 755 0:0", "n/src/ 755 0:0", "n/src/x.c 644 0:0 =X", "n/src/x.h 644 0:0 =Y"],
    ),
    (
        "COPY --parents --exclude=**/*.h app/src /n/",
        &["n/ 755 0:0", "n/app/ 755 0:0", "n/app/src/ 755 0:0", "n/app/src/x.c 644 0:0 =X"],
    ),
    // Independent of what is below.
    ("COPY --link a /lib/x", &["lib/ 755 0:0", "lib/x 644 0:0 =A"]),
    (
        "COPY --link --chown=5 dir/sub /file",
        &["file/ 755 5:5", "file/three.txt 644 5:5 =3", "file/up -> ../one 5:5"],
    ),
    // ADD of what is no archive.
    ("ADD a dir/sub/three.txt /n/", &["n/ 755 0:0", "n/a 644 0:0 =A", "n/three.txt 644 0:0 =3"]),
];

pub(super) fn table(bench: &Bench) {
    let (from, image) = (of(&context(bench)), image(bench));
    for (line, expected) in TABLE {
        let snapshot = bench.snapshot_over(vec![image.clone()]);
        must_copy(&from, &snapshot, line);
        let known = |line: &&str| match *line {
            "data/" => "data/ 700 7:8".to_owned(),
            "usr/" | "usr/lib/" | "data/old/" => format!("{line} 755 0:0"),
            line => line.to_owned(),
        };
        let expected: Vec<String> = expected.iter().map(known).collect();
        assert_eq!(listed(&snapshot.upper), expected, "{line}");
    }
}
