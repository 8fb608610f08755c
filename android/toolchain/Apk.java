import com.android.apksig.ApkSigner;
import com.android.apksig.ApkVerifier;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Makes an APK: {@code java -cp ... Apk.java OUT KEYSTORE RESOURCES [NAME=FILE]...}. What aapt2 made of the resources, and each file
 * under its name, stored uncompressed; signed by the keystore's one key, and looked at as Android does.
 */
public final class Apk {
    private static final char[] PASSWORD = "android".toCharArray();
    private static final int OLDEST = 26;
    /** Pages of phones that have large ones. */
    private static final int PAGE = 16 * 1024;

    public static void main(String[] arguments) throws Exception {
        var out = new File(arguments[0]);
        var unsigned = File.createTempFile("unsigned", ".apk", out.getAbsoluteFile().getParentFile());
        try {
            pack(unsigned, new File(arguments[2]), List.of(arguments).subList(3, arguments.length));
            sign(unsigned, out, new File(arguments[1]));
        } finally {
            Files.delete(unsigned.toPath());
        }
        verify(out);
        var files = stored(out);
        System.out.println(out.length() + " bytes; " + files + " files lie uncompressed where they can be mapped");
    }

    private static void pack(File apk, File resources, List<String> files) throws IOException {
        try (var zip = new ZipOutputStream(new FileOutputStream(apk)); var made = new ZipFile(resources)) {
            for (var entry : (Iterable<? extends ZipEntry>) () -> made.stream().map(ZipEntry.class::cast).iterator()) {
                byte[] bytes = made.getInputStream(entry).readAllBytes();
                put(zip, entry.getName(), bytes, entry.getMethod() == ZipEntry.STORED);
            }
            for (var file : files) {
                var parts = file.split("=", 2);
                put(zip, parts[0], Files.readAllBytes(Path.of(parts[1])), true);
            }
        }
    }

    private static void put(ZipOutputStream zip, String name, byte[] bytes, boolean isStored) throws IOException {
        var entry = new ZipEntry(name);
        entry.setTime(0);
        if (isStored) {
            var sum = new CRC32();
            sum.update(bytes);
            entry.setMethod(ZipEntry.STORED);
            entry.setSize(bytes.length);
            entry.setCrc(sum.getValue());
        }
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }

    private static void sign(File unsigned, File out, File keystore) throws Exception {
        var keys = KeyStore.getInstance("PKCS12");
        try (var file = new FileInputStream(keystore)) {
            keys.load(file, PASSWORD);
        }
        var name = keys.aliases().nextElement();
        var key = (PrivateKey) keys.getKey(name, PASSWORD);
        var signer = new ApkSigner.SignerConfig.Builder("release", key, List.of((X509Certificate) keys.getCertificate(name)));
        new ApkSigner.Builder(List.of(signer.build()))
            .setInputApk(unsigned)
            .setOutputApk(out)
            .setMinSdkVersion(OLDEST)
            .setV1SigningEnabled(false)
            .setV2SigningEnabled(true)
            .setV3SigningEnabled(true)
            .setAlignmentPreserved(false)
            .setLibraryPageAlignmentBytes(PAGE)
            .build()
            .sign();
    }

    private static void verify(File apk) throws Exception {
        var found = new ApkVerifier.Builder(apk).setMinCheckedPlatformVersion(OLDEST).build().verify();
        if (!found.isVerified() || !found.isVerifiedUsingV2Scheme() || !found.isVerifiedUsingV3Scheme()) {
            throw new IllegalStateException("the signature does not hold: " + found.getErrors());
        }
    }

    /** The number of files that are stored; fails where one lies where Android cannot map it. */
    private static int stored(File apk) throws IOException {
        var wrong = new ArrayList<String>();
        int number = 0;
        try (var file = new RandomAccessFile(apk, "r")) {
            // The end record has no comment.
            var end = read(file, file.length() - 22, 22);
            int entries = end.getShort(10) & 0xFFFF;
            long at = end.getInt(16) & 0xFFFFFFFFL;
            for (int entry = 0; entry < entries; entry++) {
                var head = read(file, at, 46);
                int name = head.getShort(28) & 0xFFFF;
                var called = new String(read(file, at + 46, name).array(), StandardCharsets.UTF_8);
                long local = head.getInt(42) & 0xFFFFFFFFL;
                var own = read(file, local, 30);
                long content = local + 30 + (own.getShort(26) & 0xFFFF) + (own.getShort(28) & 0xFFFF);
                boolean isStored = head.getShort(10) == ZipEntry.STORED;
                if (isStored) number++;
                int alignment = called.endsWith(".so") ? PAGE : 4;
                if (isStored && content % alignment != 0) wrong.add(called + " begins at " + content);
                if (!isStored && (called.endsWith(".so") || called.equals("resources.arsc"))) wrong.add(called + " is compressed");
                at += 46L + name + (head.getShort(30) & 0xFFFF) + (head.getShort(32) & 0xFFFF);
            }
        }
        if (!wrong.isEmpty()) throw new IllegalStateException("not aligned: " + wrong);
        return number;
    }

    private static ByteBuffer read(RandomAccessFile file, long at, int length) throws IOException {
        var bytes = new byte[length];
        file.seek(at);
        file.readFully(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
