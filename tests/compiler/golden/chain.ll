declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
declare void @llvm.masked.store.v16i8.p0(<16 x i8>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end, ptr %share) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 10
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 11
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 12
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 13
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 14
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 15
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 16
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr i64, ptr %rec, i64 2
  %v16 = load i64, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr ptr, ptr %slots, i64 %v16
  %v18 = load ptr, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr i64, ptr %rec, i64 5
  %v20 = load i64, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr ptr, ptr %slots, i64 %v20
  %v22 = load ptr, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr i64, ptr %rec, i64 8
  %v24 = load i64, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr ptr, ptr %slots, i64 %v24
  %v26 = load ptr, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr i64, ptr %rec, i64 9
  %v28 = load i64, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr ptr, ptr %slots, i64 %v28
  %v30 = load ptr, ptr %v29, align 8, !invariant.load !0
  %v31 = getelementptr i64, ptr %rec, i64 1
  %v32 = load i64, ptr %v31, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr %rec, i64 0
  %v34 = load i64, ptr %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr %rec, i64 4
  %v36 = load i64, ptr %v35, align 8, !invariant.load !0
  %v37 = getelementptr i64, ptr %rec, i64 7
  %v38 = load i64, ptr %v37, align 8, !invariant.load !0
  %v39 = getelementptr i64, ptr %rec, i64 6
  %v40 = load i64, ptr %v39, align 8, !invariant.load !0
  %v41 = getelementptr ptr, ptr %slots, i64 1
  %v42 = load ptr, ptr %v41, align 8, !invariant.load !0
  %v43 = getelementptr i64, ptr %rec, i64 3
  %v44 = load i64, ptr %v43, align 8, !invariant.load !0
  %v45 = getelementptr i64, ptr %v42, i64 %v44
  %v46 = load double, ptr %v45, align 8
  %v47 = fptrunc double %v46 to float
  %v48 = mul i64 %begin, %v2
  %v49 = mul i64 %end, %v2
  %v50 = icmp slt i64 %v49, %v4
  %v51 = select i1 %v50, i64 %v49, i64 %v4
  %v52 = icmp slt i64 %v48, %v51
  br i1 %v52, label %start3, label %finished2
start3:
  %v53 = udiv i64 %v48, %v6
  %v54 = mul i64 %v53, %v6
  %v55 = sub i64 %v48, %v54
  br label %unit1
unit1:
  %p56 = phi i64 [%v48, %start3], [%v124, %end7]
  %p57 = phi i64 [%v55, %start3], [%v126, %end7]
  %p58 = phi i64 [%v53, %start3], [%v125, %end7]
  %v59 = mul i64 %p57, %v8
  %v60 = add i64 %v59, %v8
  %v61 = icmp slt i64 %v60, %v10
  %v62 = select i1 %v61, i64 %v60, i64 %v10
  %v63 = mul i64 %p58, %v34
  %v64 = add i64 %v32, %v63
  %v65 = mul i64 %p58, %v40
  %v66 = add i64 %v38, %v65
  %v67 = sub i64 %v62, %v59
  %v68 = and i64 %v67, -16
  %v69 = add i64 %v59, %v68
  %v70 = icmp slt i64 %v59, %v69
  br i1 %v70, label %loop4, label %done5
loop4:
  %p71 = phi i64 [%v59, %unit1], [%v92, %loop4]
  %v72 = add i64 %v64, %p71
  %v73 = getelementptr float, ptr %v18, i64 %v72
  %v74 = load <16 x float>, ptr %v73, align 4
  %v75 = insertelement <16 x float> poison, float %v47, i64 0
  %v76 = shufflevector <16 x float> %v75, <16 x float> poison, <16 x i32> zeroinitializer
  %v77 = fmul <16 x float> %v74, %v76
  %v78 = add i64 %v36, %p71
  %v79 = getelementptr float, ptr %v22, i64 %v78
  %v80 = load <16 x float>, ptr %v79, align 4
  %v81 = fadd <16 x float> %v77, %v80
  %v82 = fcmp olt <16 x float> %v81, <float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>
  %v83 = select <16 x i1> %v82, <16 x float> <float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, <16 x float> %v81
  %v84 = fcmp ogt <16 x float> %v81, <float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000>
  %v85 = add i64 %v66, %p71
  %v86 = getelementptr float, ptr %v26, i64 %v85
  store <16 x float> %v83, ptr %v86, align 4
  %v87 = add i64 %v66, %p71
  %v88 = getelementptr i8, ptr %v30, i64 %v87
  %v89 = zext <16 x i1> %v84 to <16 x i8>
  store <16 x i8> %v89, ptr %v88, align 1
  %v90 = add i64 %p71, 16
  %v91 = icmp slt i64 %v90, %v69
  %v92 = call i64 asm "", "=r,0"(i64 %v90)
  br i1 %v91, label %loop4, label %done5
done5:
  %v93 = icmp slt i64 %v69, %v62
  br i1 %v93, label %tail6, label %end7
tail6:
  %v94 = sub i64 %v62, %v69
  %v95 = trunc i64 %v94 to i32
  %v96 = insertelement <16 x i32> poison, i32 %v95, i64 0
  %v97 = shufflevector <16 x i32> %v96, <16 x i32> poison, <16 x i32> zeroinitializer
  %v98 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v97
  %v99 = add i64 %v64, %v69
  %v100 = getelementptr float, ptr %v18, i64 %v99
  %v101 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v100, i32 4, <16 x i1> %v98, <16 x float> zeroinitializer)
  %v102 = insertelement <16 x float> poison, float %v47, i64 0
  %v103 = shufflevector <16 x float> %v102, <16 x float> poison, <16 x i32> zeroinitializer
  %v104 = fmul <16 x float> %v101, %v103
  %v105 = add i64 %v36, %v69
  %v106 = getelementptr float, ptr %v22, i64 %v105
  %v107 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v106, i32 4, <16 x i1> %v98, <16 x float> zeroinitializer)
  %v108 = fadd <16 x float> %v104, %v107
  %v109 = fcmp olt <16 x float> %v108, <float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>
  %v110 = select <16 x i1> %v109, <16 x float> <float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, <16 x float> %v108
  %v111 = fcmp ogt <16 x float> %v108, <float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000>
  %v112 = add i64 %v66, %v69
  %v113 = getelementptr float, ptr %v26, i64 %v112
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v110, ptr %v113, i32 4, <16 x i1> %v98)
  %v114 = add i64 %v66, %v69
  %v115 = getelementptr i8, ptr %v30, i64 %v114
  %v116 = zext <16 x i1> %v111 to <16 x i8>
  call void @llvm.masked.store.v16i8.p0(<16 x i8> %v116, ptr %v115, i32 1, <16 x i1> %v98)
  br label %end7
end7:
  %v117 = add i64 %p56, 1
  %v118 = add i64 %p57, 1
  %v119 = icmp eq i64 %v118, %v6
  %v120 = select i1 %v119, i64 0, i64 %v118
  %v121 = zext i1 %v119 to i64
  %v122 = add i64 %p58, %v121
  %v123 = icmp slt i64 %v117, %v51
  %v124 = call i64 asm "", "=r,0"(i64 %v117)
  %v125 = call i64 asm "", "=r,0"(i64 %v122)
  %v126 = call i64 asm "", "=r,0"(i64 %v120)
  br i1 %v123, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
